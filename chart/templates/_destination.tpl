{{/* Where metrics are pushed. Inputs: . (root) */}}
{{- define "xscaler-istio.metricsUrl" -}}
{{- default (printf "https://%s.xscalerlabs.com/api/v1/push" .Values.xscaler.region) .Values.xscaler.metrics.url -}}
{{- end -}}

{{/* Where access logs are pushed. Inputs: . (root) */}}
{{- define "xscaler-istio.logsUrl" -}}
{{- default (printf "https://%s.l.xscalerlabs.com/api/v1/logs/push" .Values.xscaler.region) .Values.xscaler.logs.url -}}
{{- end -}}

{{/* Folder in the container that holds token, tenant and authority. Not a subPath: those are never updated. */}}
{{- define "xscaler-istio.authFolder" -}}
/etc/xscaler/auth
{{- end -}}

{{- define "xscaler-istio.caFolder" -}}
/etc/xscaler/ca
{{- end -}}

{{/* The volume with the token, one file per key. Inputs: . (root) */}}
{{- define "xscaler-istio.authVolume" -}}
{{- $secret := .Values.xscaler.auth.existingSecret -}}
name: auth
secret:
  secretName: {{ include "xscaler-istio.secretName" . | quote }}
  defaultMode: 0440
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
