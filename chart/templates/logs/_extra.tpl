{{/* The user's own stages, logs.extraStages: as stages of loki.process, and what the chart knows of them. */}}

{{/* Indented, unless that would change a text of several lines. Inputs: . (root) */}}
{{- define "xscaler-istio.logs.stages.extra" -}}
{{- with .Values.logs.extraStages | trim }}
  // ==== Your stages: logs.extraStages, which know the fields of the line
{{ $short := regexReplaceAll "//[^\\n]*|\"(?:[^\"\\\\\\n]|\\\\.)*\"|`[^`\\n]*`" . "" -}}
{{ ternary . (indent 2 .) (contains "`" $short) }}
{{- end -}}
{{- end -}}

{{/* The stages without their comments and texts. Inputs: . (root) */}}
{{- define "xscaler-istio.logs.extraStages.bare" -}}
{{- regexReplaceAll "//[^\\n]*|/\\*(?s:.*?)\\*/|\"(?:[^\"\\\\\\n]|\\\\.)*\"|`[^`]*`" .Values.logs.extraStages "" | trim -}}
{{- end -}}

{{/*
What is left without the stages: without comments, texts are S and blocks B. A brace or a quote has no other half. Inputs:
. (root)
*/}}
{{- define "xscaler-istio.logs.extraStages.others" -}}
{{- $text := "\"(?:[^\"\\\\\\n]|\\\\.)*\"|`[^`]*`" -}}
{{- $rest := regexReplaceAll (printf "(?://[^\\n]*|/\\*(?s:.*?)\\*/)|(%s)" $text) .Values.logs.extraStages "$1" -}}
{{- $rest = regexReplaceAll $text $rest "S" -}}
{{- range until 20 }}{{ $rest = regexReplaceAll "\\{[^{}]*\\}" $rest "B" }}{{ end -}}
{{- regexReplaceAll "\\bstage\\.[a-z_]+\\s*B" $rest "" | trim -}}
{{- end -}}

{{/* The labels that the stages add to streams, as a YAML list. Inputs: . (root) */}}
{{- define "xscaler-istio.logs.extraStages.labels" -}}
{{- $names := list -}}
{{- range regexFindAll "stage\\.(?:static_)?labels\\s*\\{\\s*values\\s*=\\s*\\{[^}]*\\}" .Values.logs.extraStages -1 -}}
{{- range regexFindAll "[{,\\n]\\s*\"?[A-Za-z_]\\w*\"?\\s*=" (regexReplaceAll "(?s)^.*?values\\s*=\\s*" . "") -1 -}}
{{- $names = append $names (regexFind "[A-Za-z_]\\w*" .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $names -}}
{{- end -}}

{{/*
The regular expressions of the stages, as a YAML list: Alloy's own check of a configuration does not look at them. A text in
double quotes is read as JSON; where Alloy knows more escapes it is left out. Inputs: . (root)
*/}}
{{- define "xscaler-istio.logs.extraStages.expressions" -}}
{{- $expressions := list -}}
{{- range regexFindAll "\\bexpression\\s*=\\s*(?:`[^`]*`|\"(?:[^\"\\\\\\n]|\\\\.)*\")" .Values.logs.extraStages -1 -}}
{{- $text := regexReplaceAll "^expression\\s*=\\s*" . "" -}}
{{- $quoted := printf "{\"text\": %s}" $text | fromJson -}}
{{- $expressions = append $expressions (ternary (trimAll "`" $text) $quoted.text (hasPrefix "`" $text)) -}}
{{- end -}}
{{- compact $expressions | toYaml -}}
{{- end -}}
