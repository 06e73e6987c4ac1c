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

{{/* The names of the metrics that are kept, as one regular expression. Inputs: . (root) */}}
{{- define "xscaler-istio.self.keep" -}}
{{- $keep := list -}}
{{- range include "xscaler-istio.self.entries" . | fromJsonArray }}{{ $keep = concat $keep .keep }}{{ end -}}
{{- $keep | uniq | join "|" -}}
{{- end -}}

{{/* An alert as its file has it, with the terms of the release's programs in place. Inputs: root, file (its path) */}}
{{- define "xscaler-istio.self.alert" -}}
{{- $name := base .file | trimSuffix ".yaml" -}}
{{- $terms := list -}}
{{- range include "xscaler-istio.self.entries" .root | fromJsonArray -}}
{{- range dig "alerts" $name list . }}{{ $terms = append $terms (trim .) }}{{ end -}}
{{- end -}}
{{ .root.Files.Get .file | trim | replace "  <terms of files/self>" (join "\nor\n" (uniq $terms) | indent 2) }}
{{- end -}}
