{{/* A selector of LogQL. Inputs: labels (matchers), filters (a list of maps from operator to operand) */}}
{{- define "xscaler-istio.logs.selector" -}}
{{- $parts := list (printf "{%s}" .labels) -}}
{{- range .filters }}{{ range $operator, $operand := . }}{{ $parts = append $parts (printf "%s %q" $operator $operand) }}{{ end }}{{ end -}}
{{- include "xscaler-istio.alloy.joined" (dict "parts" $parts "separator" " ") -}}
{{- end -}}

{{/* The regular expression of a whole TEXT line, one field a line. Inputs: formats, reading (strict or lenient) */}}
{{- define "xscaler-istio.logs.expression" -}}
{{- $reading := index .formats.readings .reading -}}
{{- $parts := prepend $reading.request "^\\[(?P<start_time>[^\\]]+)\\]" -}}
{{- range .formats.text -}}
{{- $parts = append $parts (index $reading .is | replace "NAME" .name) -}}
{{- end -}}
{{- $last := printf "%s%s" (last $parts) $reading.end -}}
{{- include "xscaler-istio.alloy.joined" (dict "parts" (append (initial $parts) $last) "separator" " ") -}}
{{- end -}}

{{/* The names of the access log's fields but for its time, as a YAML list. Inputs: formats */}}
{{- define "xscaler-istio.logs.fields" -}}
{{- $names := .formats.request -}}
{{- range .formats.text }}{{ $names = append $names .name }}{{ end -}}
{{- toYaml $names -}}
{{- end -}}

{{/* Fields as structured metadata, or nothing. Inputs: root, names */}}
{{- define "xscaler-istio.logs.metadata" -}}
{{- if .root.Values.logs.structuredMetadata -}}
stage.structured_metadata {
  values = {
    {{- range .names }}
    {{ . }} = "",
    {{- end }}
  }
}
{{- end -}}
{{- end -}}

{{/* What stage.labels takes: each label with its field, where that has another name. Inputs: root, names (of the labels) */}}
{{- define "xscaler-istio.logs.streamLabels" -}}
{{- $known := (.root.Files.Get "files/logs/streams.yaml" | fromYaml).access -}}
{{- $values := list -}}
{{- range $name := .names -}}
{{- $field := (index $known .).field -}}
{{- $values = append $values (printf "%s = %q" . (ternary "" $field (eq . $field))) -}}
{{- end -}}
{ {{- join ", " $values -}} }
{{- end -}}
