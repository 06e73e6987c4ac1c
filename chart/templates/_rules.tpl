{{/*
Relabelling rules as text. A rule is a dict with the keys of Prometheus and, as `why`, its reason; a regex that is a list
has one alternative an item.
*/}}

{{/* The keys of a rule, in the order in which it reads well, separated by spaces. */}}
{{- define "xscaler-istio.keysOfRules" -}}
source_labels separator regex modulus target_label replacement action
{{- end -}}

{{/* A text as comment lines of at most 120 characters. Inputs: text, mark (how a comment begins) */}}
{{- define "xscaler-istio.comment" -}}
{{- range $index, $line := .text | trim | wrap 110 | splitList "\n" }}
{{- if $index }}{{ "\n" }}{{ end }}{{ $.mark }} {{ $line | trim }}
{{- end -}}
{{- end -}}

{{/* Rules in Prometheus' YAML, each on new lines. Inputs: a list of rules */}}
{{- define "xscaler-istio.rulesAsYaml" -}}
{{- $keys := include "xscaler-istio.keysOfRules" . | splitList " " -}}
{{- range $rule := . }}
{{- with $rule.why }}
{{ include "xscaler-istio.comment" (dict "text" . "mark" "#") }}
{{- end }}
{{- $begin := "- " }}
{{- range $key := $keys }}
{{- if hasKey $rule $key }}
{{ $begin }}{{ $key }}:{{ include "xscaler-istio.yamlValue" (dict "key" $key "value" (get $rule $key)) }}
{{- $begin = "  " }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
A value of a rule in YAML, with the space or line break before it: a regex with alternatives has one on each line, which YAML joins without a space.
Inputs: key, value
*/}}
{{- define "xscaler-istio.yamlValue" -}}
{{- $value := .value -}}
{{- if eq .key "regex" }}{{ if kindIs "slice" $value }}{{ if eq (len $value) 1 }}{{ $value = first $value }}{{ end }}{{ end }}{{ end -}}
{{- if eq .key "source_labels" -}}
{{- $joined := join ", " $value -}}
{{- if lt (len $joined) 130 }} [{{ $joined }}]
{{- else -}}
{{- range $value }}
  - {{ . }}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" $value }} "\
{{- range $index, $text := $value }}
    {{ $text | toRawJson | trimPrefix "\"" | trimSuffix "\"" }}{{ if lt (add1 $index) (len $value) }}|{{ end }}\
{{- end }}
    "
{{- else if not (kindIs "string" $value) }} {{ int $value }}
{{- else if and (regexMatch "^[A-Za-z_][A-Za-z0-9_/.-]*$" $value) (not (has (lower $value) (list "true" "false" "null" "yes" "no" "on" "off" "y" "n"))) }} {{ $value }}
{{- else }} '{{ replace "'" "''" $value }}'
{{- end -}}
{{- end -}}

{{/* Rules as blocks of Alloy, each on new lines. Inputs: a list of rules */}}
{{- define "xscaler-istio.rulesAsAlloy" -}}
{{- $keys := include "xscaler-istio.keysOfRules" . | splitList " " -}}
{{- range $rule := . }}
{{- with $rule.why }}
{{ include "xscaler-istio.comment" (dict "text" . "mark" "//") }}
{{- end }}
rule {
{{- range $key := $keys }}
{{- if hasKey $rule $key }}
  {{ $key }} = {{ include "xscaler-istio.alloyValue" (dict "key" $key "value" (get $rule $key)) }}
{{- end }}
{{- end }}
}
{{- end }}
{{- end -}}

{{/* A value of a rule in Alloy: expressions are raw, and alternatives one on each line. Inputs: key, value */}}
{{- define "xscaler-istio.alloyValue" -}}
{{- $value := .value -}}
{{- if eq .key "regex" }}{{ if kindIs "slice" $value }}{{ if eq (len $value) 1 }}{{ $value = first $value }}{{ end }}{{ end }}{{ end -}}
{{- if eq .key "source_labels" -}}
[{{ range $index, $label := .value }}{{ if $index }}, {{ end }}{{ quote $label }}{{ end }}]
{{- else if kindIs "slice" $value -}}
string.join([
{{- range $value }}
    {{ include "xscaler-istio.alloyText" . }},
{{- end }}
  ], "|")
{{- else if kindIs "string" $value -}}
{{ include "xscaler-istio.alloyText" $value }}
{{- else -}}
{{ int $value }}
{{- end -}}
{{- end -}}

{{/* A text in Alloy, raw where it has a backslash or a quote. Inputs: the text */}}
{{- define "xscaler-istio.alloyText" -}}
{{- if and (regexMatch `["\\]` .) (not (regexMatch "[`\\n\\r]" .)) -}}
`{{ . }}`
{{- else -}}
{{ toRawJson . }}
{{- end -}}
{{- end -}}
