{{/* Where metrics are pushed. Inputs: . (root) */}}
{{- define "xscaler-istio.metricsUrl" -}}
{{- default (printf "https://%s.xscalerlabs.com/api/v1/push" .Values.xscaler.region) .Values.xscaler.metrics.url -}}
{{- end -}}

{{/* Where access logs are pushed. Inputs: . (root) */}}
{{- define "xscaler-istio.logsUrl" -}}
{{- default (printf "https://%s.l.xscalerlabs.com/api/v1/logs/push" .Values.xscaler.region) .Values.xscaler.logs.url -}}
{{- end -}}

{{/*
The other push URLs that xScaler publishes for the same account, with spaces between them. Nothing for another host, and
nothing behind a proxy, through which a test pod cannot ask. Inputs: root, what (metrics or logs)
*/}}
{{- define "xscaler-istio.otherUrls" -}}
{{- $xscaler := .root.Values.xscaler -}}
{{- $url := include (printf "xscaler-istio.%sUrl" .what) .root -}}
{{- $published := "^https://([a-z0-9-]+)([.][ml])?[.]xscalerlabs[.]com/.*$" -}}
{{- if and (regexMatch $published $url) (not $xscaler.proxyUrl) (not $xscaler.proxySecret.name) -}}
{{- $region := regexReplaceAll $published $url "${1}" -}}
{{- $forms := dict "metrics" (list ".xscalerlabs.com/api/v1/push" ".m.xscalerlabs.com/api/v1/push") -}}
{{- $_ := set $forms "logs" (list ".l.xscalerlabs.com/api/v1/logs/push" ".l.xscalerlabs.com/api/v1/push") -}}
{{- $others := list -}}
{{- range index $forms .what -}}
{{- $others = append $others (printf "https://%s%s" $region .) -}}
{{- end -}}
{{- without $others $url | join " " -}}
{{- end -}}
{{- end -}}

{{/* Folder in the container that holds token, tenant and authority. Not a subPath: those are never updated. */}}
{{- define "xscaler-istio.authFolder" -}}
/etc/xscaler/auth
{{- end -}}

{{- define "xscaler-istio.caFolder" -}}
/etc/xscaler/ca
{{- end -}}

{{/* The file with the token: of the Secret, or one that another program puts into the pod. Inputs: . (root) */}}
{{- define "xscaler-istio.tokenFile" -}}
{{- default (printf "%s/token" (include "xscaler-istio.authFolder" .)) .Values.xscaler.auth.tokenFile -}}
{{- end -}}

{{/* The volume with the token, one file per key. Inputs: . (root) */}}
{{- define "xscaler-istio.authVolume" -}}
{{- $secret := .Values.xscaler.auth.existingSecret -}}
name: auth
secret:
  secretName: {{ include "xscaler-istio.secretName" . | quote }}
  # 0440 as a decimal number: not every YAML parser reads octal ones.
  defaultMode: 288
  items:
    - key: {{ ternary $secret.tokenKey "token" (ne $secret.name "") | quote }}
      path: token
    {{- with $secret.tenantIdKey }}
    - key: {{ . | quote }}
      path: tenant-id
    {{- end }}
    {{- if include "xscaler-istio.usernameFile" . }}
    - key: {{ $secret.usernameKey | quote }}
      path: username
    {{- end }}
{{- end -}}

{{/* The mounted file with the user name, if the Secret has it and it is sent. Inputs: . (root) */}}
{{- define "xscaler-istio.usernameFile" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.existingSecret.usernameKey (eq $auth.type "basic") -}}
{{ include "xscaler-istio.authFolder" . }}/username
{{- end -}}
{{- end -}}

{{/* The volume with an authority of the user's own. Inputs: . (root) */}}
{{- define "xscaler-istio.caVolume" -}}
{{- $ca := .Values.xscaler.tls.ca -}}
name: ca
{{- if eq $ca.kind "Secret" }}
secret:
  secretName: {{ $ca.name | quote }}
{{- else }}
configMap:
  name: {{ $ca.name | quote }}
{{- end }}
  items:
    - key: {{ $ca.key | quote }}
      path: ca.crt
{{- end -}}
