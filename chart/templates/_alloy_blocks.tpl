{{/* Blocks of Grafana Alloy's syntax that its collector and the log agent have in common. */}}

{{/* Relabelling rules as blocks. Inputs: a list of rules in Prometheus' words */}}
{{- define "xscaler-istio.alloy.rules" -}}
{{- range $rule := . }}
rule {
{{- range $key := list "source_labels" "separator" "regex" "modulus" "target_label" "replacement" "action" }}
  {{- if hasKey $rule $key }}
  {{ $key }} = {{ get $rule $key | toRawJson }}
  {{- end }}
{{- end }}
}
{{- end -}}
{{- end -}}

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
{{- $auth := include "xscaler-istio.authFolder" . -}}
// Credential files are read for every request: a rotated Secret needs no restart.
{{- if eq $xscaler.auth.type "basic" }}
basic_auth {
  username = {{ empty (include "xscaler-istio.usernameFile" .) | ternary (quote $xscaler.auth.username) "string.trim_space(local.file.username.content)" }}
  password_file = "{{ $auth }}/token"
}
{{- else }}
authorization {
  type = "Bearer"
  credentials_file = "{{ $auth }}/token"
}
{{- end }}
{{- if $xscaler.tls.ca.name }}
tls_config {
  ca_file = "{{ include "xscaler-istio.caFolder" . }}/ca.crt"
}
{{- end }}
{{- with $xscaler.proxyUrl }}
proxy_url = {{ . | quote }}
{{- end }}
{{- end -}}
