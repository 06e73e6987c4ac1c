{{/*
The release's own programs: what is kept of their metrics, and which terms they add to the alerts. Each has its file: a
collector in files/self, the log agent in files/logs/self.yaml.
*/}}

{{/* The content of these files, as a JSON list. Inputs: . (root) */}}
{{- define "xscaler-istio.self.entries" -}}
{{- $entries := list -}}
{{- range $file, $_ := .Files.Glob "files/self/*.yaml" -}}
{{- $entry := $.Files.Get $file | fromYaml -}}
{{- with $entry.sameAs }}{{ $entry = $.Files.Get (printf "files/self/%s.yaml" .) | fromYaml }}{{ end -}}
{{- $entries = append $entries $entry -}}
{{- end -}}
{{- append $entries (.Files.Get "files/logs/self.yaml" | fromYaml) | toJson -}}
{{- end -}}

{{/* The names of the metrics that are kept, as a JSON list of regular expressions. Inputs: . (root) */}}
{{- define "xscaler-istio.self.keep" -}}
{{- $keep := list -}}
{{- range include "xscaler-istio.self.entries" . | fromJsonArray }}{{ $keep = concat $keep .keep }}{{ end -}}
{{- $keep | uniq | toRawJson -}}
{{- end -}}

{{/* An alert as its file has it, with the terms of the release's programs and the plan in place. Inputs: root, file (its path) */}}
{{- define "xscaler-istio.self.alert" -}}
{{- $name := base .file | trimSuffix ".yaml" -}}
{{- $terms := list -}}
{{- range include "xscaler-istio.self.entries" .root | fromJsonArray -}}
{{- range dig "alerts" $name list . }}{{ $terms = append $terms (trim .) }}{{ end -}}
{{- end -}}
{{- $text := .root.Files.Get .file | trim | replace "  <terms of files/self>" (join "\nor\n" (uniq $terms) | indent 2) -}}
{{- $text = replace "<xscaler.plan.activeSeries>" (int64 .root.Values.xscaler.plan.activeSeries | toString) $text -}}
{{ include "xscaler-istio.queriesInForm" (dict "root" .root "text" $text) }}
{{- end -}}
