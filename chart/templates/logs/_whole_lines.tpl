{{/*
What becomes of a line before it is taken apart, as stages of loki.process: join, leave out, redact. Alloy's own templates
are in files/logs/templates.yaml. Inputs of all, unless they say otherwise: root, formats, templates (the files, parsed)
*/}}

{{/* One more byte than allowed, so that the cut shows. */}}
{{- define "xscaler-istio.logs.framing.cri" -}}
// ==== Join: pieces of a line, which containerd and CRI-O cut at 16 KiB
{{ include "xscaler-istio.logs.stages.cri" . }}
{{- end -}}

{{- define "xscaler-istio.logs.framing.docker" -}}
// ==== Join: pieces of a line, which Docker cuts at 16 KiB, by way of CRI's format
stage.json {
  expressions = {log = "", stream = "", time = ""}
}
stage.template {
  source = "cri"
  template = {{ include "xscaler-istio.alloy.joined" (dict "parts" .templates.dockerAsCri "separator" "") | indent 2 | trim }}
}
stage.output {
  source = "cri"
}
{{ include "xscaler-istio.logs.stages.cri" . }}
{{- end -}}

{{- define "xscaler-istio.logs.framing.api" -}}
// ==== Join: the API server sends whole lines; only their final newline is removed
stage.template {
  source = "line"
  template = {{ include "xscaler-istio.alloy.joined" (dict "parts" .templates.withoutNewline "separator" "") | indent 2 | trim }}
}
stage.output {
  source = "line"
}
{{- end -}}

{{- define "xscaler-istio.logs.stages.cri" -}}
stage.cri {
  max_partial_lines = 10000
  max_partial_line_size = {{ add1 (int .root.Values.xscaler.limits.logLineBytes) }}
  max_partial_line_size_truncate = true
}
{{- end -}}

{{/* A line whose time cannot be read is kept. Inputs: templates, time (where the time is), old (which template) */}}
{{- define "xscaler-istio.logs.stages.old" -}}
{{- $firstStart := "\" + encoding.from_json(local.file.first_start.content)[\"created_at\"] + \"" -}}
{{- $parts := list -}}
{{- range index .templates .old }}{{ $parts = append $parts (replace "TIME" $.time .) }}{{ end -}}
// ==== Leave out: lines that are older than the agent's first start
stage.template {
  source = "old"
  template = {{ include "xscaler-istio.alloy.joined" (dict "parts" $parts "separator" "") | replace "FIRST_START" $firstStart | indent 2 | trim }}
}
stage.drop {
  source = "old"
  value = "old"
  drop_counter_reason = "before_first_start"
}
{{- end -}}

{{/* The word in place of what was there names the rule. Rules are in files/logs/privacy.yaml. */}}
{{- define "xscaler-istio.logs.stages.privacy" -}}
{{- $logs := .root.Values.logs -}}
{{- $privacy := .root.Files.Get "files/logs/privacy.yaml" | fromYaml -}}
// ==== Redact: what must not leave the node, before a field is taken out
{{- include "xscaler-istio.logs.replacing" (dict "formats" .formats "rules" $privacy.credentials "by" "hidden") }}
{{- if $logs.redactQueryStrings }}
{{- include "xscaler-istio.logs.replacing" (dict "formats" .formats "rules" $privacy.queries "by" "redacted") }}
{{- end }}
{{- if $logs.maskForwardedFor }}
{{- include "xscaler-istio.logs.replacing" (dict "formats" .formats "rules" $privacy.addresses "by" "masked") }}
{{- end }}
{{- range $logs.redact }}
{{ include "xscaler-istio.logs.replace" (dict "expressions" (list (include "xscaler-istio.logs.grouped" .)) "by" "removed") }}
{{- end }}
{{- end -}}

{{/* Inputs: formats, rules (see files/logs/privacy.yaml), by (the word in place of what is replaced) */}}
{{- define "xscaler-istio.logs.replacing" -}}
{{- $in := . -}}
{{- range .rules }}
{{- if .lines }}
stage.match {
  selector = {{ include "xscaler-istio.logs.selector" (dict "labels" "namespace=~\".+\"" "filters" .lines) | indent 2 | trim }}
  {{- include "xscaler-istio.logs.replacing.rule" (dict "in" $in "rule" .) | trim | nindent 2 }}
}
{{- else }}
{{ include "xscaler-istio.logs.replacing.rule" (dict "in" $in "rule" .) | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Inputs: in (as xscaler-istio.logs.replacing), rule */}}
{{- define "xscaler-istio.logs.replacing.rule" -}}
{{- $in := .in -}}
{{- with .rule.replace }}
{{- $expressions := list -}}
{{- range . }}{{ $expressions = append $expressions (replace "MIDDLE" $in.formats.middle .) }}{{ end }}
{{ include "xscaler-istio.logs.replace" (dict "expressions" $expressions "by" $in.by) }}
{{- end }}
{{- with .rule.then }}
{{ include "xscaler-istio.logs.replacing" (dict "formats" $in.formats "rules" . "by" $in.by) | trim }}
{{- end }}
{{- end -}}

{{/* Inputs: expressions (alternatives), by */}}
{{- define "xscaler-istio.logs.replace" -}}
stage.replace {
  expression = {{ include "xscaler-istio.alloy.joined" (dict "parts" .expressions "separator" "|") | indent 2 | trim }}
  replace = {{ quote .by }}
}
{{- end -}}

{{/* An expression of the user's: stage.replace takes groups, so one without a group is a group as a whole. */}}
{{- define "xscaler-istio.logs.grouped" -}}
{{- $plain := regexReplaceAll "\\[\\^?\\]?[^\\]]*\\]" (regexReplaceAll "\\\\." . "") "" -}}
{{ ternary . (printf "(%s)" .) (regexMatch "\\((?:[^?]|\\?P?<)" $plain) }}
{{- end -}}
