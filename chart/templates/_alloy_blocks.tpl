{{/* Blocks of Grafana Alloy's syntax that its collector and the log agent have in common. */}}

{{/* A map of expressions, which is not JSON. Inputs: a dict of expressions by key */}}
{{- define "xscaler-istio.alloy.map" -}}
{{- $pairs := list -}}
{{- range $key, $expression := . }}{{ $pairs = append $pairs (printf "%s = %s" (toRawJson $key) $expression) }}{{ end -}}
{{ printf "{%s}" (join ", " $pairs) }}
{{- end -}}

{{/* xscaler.extraHeaders as a dict of such expressions. Inputs: . (root) */}}
{{- define "xscaler-istio.alloy.extraHeaders" -}}
{{- $expressions := dict -}}
{{- range $name, $value := .Values.xscaler.extraHeaders }}{{ $_ := set $expressions $name (toRawJson $value) }}{{ end -}}
{{ toRawJson $expressions }}
{{- end -}}

{{/* Where pods are looked for, if not everywhere. Inputs: root, component */}}
{{- define "xscaler-istio.alloy.namespaces" -}}
{{- with include "xscaler-istio.namespacesOf" . | fromYamlArray }}
namespaces {
  names = {{ toRawJson . }}
}
{{- end }}
{{- end -}}

{{/* What an endpoint reads from the Secret beside the token, as components. Inputs: . (root) */}}
{{- define "xscaler-istio.alloy.files" -}}
{{- if not .Values.xscaler.tenantId }}

local.file "tenant" {
  filename = "{{ include "xscaler-istio.authFolder" . }}/tenant-id"
}
{{- end }}
{{- with include "xscaler-istio.usernameFile" . }}

local.file "username" {
  filename = "{{ . }}"
}
{{- end }}
{{- end -}}

{{/* How an endpoint proves who it is and whom it trusts. Inputs: . (root) */}}
{{- define "xscaler-istio.alloy.credentials" -}}
{{- $xscaler := .Values.xscaler -}}
{{- $token := include "xscaler-istio.tokenFile" . -}}
// Credential files are read for every request: a rotated Secret needs no restart.
{{- if eq $xscaler.auth.type "basic" }}
basic_auth {
  username = {{ empty (include "xscaler-istio.usernameFile" .) | ternary (quote $xscaler.auth.username) "string.trim_space(local.file.username.content)" }}
  password_file = "{{ $token }}"
}
{{- else }}
authorization {
  type = "Bearer"
  credentials_file = "{{ $token }}"
}
{{- end }}
{{- if $xscaler.tls.ca.name }}
tls_config {
  ca_file = "{{ include "xscaler-istio.caFolder" . }}/ca.crt"
}
{{- end }}
{{- if $xscaler.proxyUrl }}
proxy_url = {{ $xscaler.proxyUrl | quote }}
{{- with $xscaler.noProxy }}
no_proxy = {{ join "," . | quote }}
{{- end }}
{{- else }}
proxy_from_environment = true
{{- end }}
{{- end -}}

{{/* A text of several parts, one a line where it is long. Inputs: parts (a list), separator */}}
{{- define "xscaler-istio.alloy.joined" -}}
{{- $whole := join .separator .parts -}}
{{- if or (eq (len .parts) 1) (lt (len $whole) 80) -}}
{{ include "xscaler-istio.alloyText" $whole }}
{{- else -}}
string.join([
{{- range .parts }}
  {{ ternary (printf "`%s`" .) (toRawJson .) (not (regexMatch "[`\\n\\r]" .)) }},
{{- end }}
], {{ toRawJson .separator }})
{{- end -}}
{{- end -}}
