{{/*
Rules about the labels of log streams, and the user's expressions and stages. _validations.tpl describes the format of a rule. The
labels are in files/logs/streams.yaml.
*/}}

{{- define "xscaler-istio.validate.streamBudget" -}}
{{- if .Values.logs.enabled -}}
{{- $streams := .Files.Get "files/logs/streams.yaml" | fromYaml -}}
{{- $ownStages := include "xscaler-istio.logs.extraStages.labels" . | fromYamlArray -}}
{{- $added := concat (keys .Values.cluster.labels) $ownStages -}}
{{- $access := concat $streams.always .Values.logs.streamLabels $added | uniq | len -}}
{{- $system := concat $streams.always $streams.system $added | uniq | len -}}
{{- $limit := int .Values.xscaler.limits.labelsPerStream -}}
{{- $most := max $access $system -}}
{{- $number := sub $most $limit -}}
{{- $remove := printf "remove %s of" (ternary "one" (toString $number) (eq (int $number) 1)) -}}
{{- $fix := "set xscaler.limits.labelsPerStream to your plan's limit (15 by default)" -}}
{{- if or $added .Values.logs.streamLabels }}{{ $fix = printf "%s cluster.labels or logs.streamLabels" $remove }}{{ end -}}
{{- if $ownStages }}{{ $fix = printf "%s cluster.labels, logs.streamLabels or the labels in logs.extraStages" $remove }}{{ end -}}
{{- if gt (int $most) $limit }}
xscaler.limits.labelsPerStream is {{ $limit }}, and log streams would have {{ $most }} labels. xScaler rejects them.
# at: xscaler.limits.labelsPerStream{{ if .Values.cluster.labels }}, cluster.labels{{ end }}{{ if .Values.logs.streamLabels }}, logs.streamLabels{{ end }}{{ if $ownStages }}, logs.extraStages{{ end }}
# fix: {{ $fix }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraStages" -}}
{{- $bare := include "xscaler-istio.logs.extraStages.bare" . -}}
{{- $others := include "xscaler-istio.logs.extraStages.others" . -}}
{{- $cannot := .Files.Get "files/logs/extra.yaml" | fromYaml -}}
{{- if regexMatch "[{}\"`]" $others }}

logs.extraStages has an unbalanced brace or quote.
# at: logs.extraStages
# fix: end each block with }, and each text with the quote that it begins with
{{- else if $others }}

logs.extraStages has something other than stages{{ with regexFind "^[a-z_]+\\.[a-z_]+" $others }}: {{ quote . }}{{ end }}. They run within the agent's loki.process.
# at: logs.extraStages
# fix: write only blocks whose name begins with stage.
{{- end }}
{{- range $name, $reason := $cannot.cannot }}
{{- if regexMatch (printf "\\bstage\\.%s\\b" $name) $bare }}

logs.extraStages has stage.{{ $name }}: {{ $reason }}.
# at: logs.extraStages
# fix: remove stage.{{ $name }}
{{- end }}
{{- end }}
{{- range regexFindAll "\\bstage\\.limit\\s*\\{[^{}]*" $bare -1 }}
{{- if not (regexMatch "\\bdrop\\s*=\\s*true\\b" .) }}

logs.extraStages has stage.limit without drop: {{ $cannot.limit }}.
# at: logs.extraStages
# fix: write drop = true in stage.limit, or remove it
{{- end }}
{{- end }}
{{- range include "xscaler-istio.logs.extraStages.expressions" . | fromYamlArray }}
{{- if not (include "xscaler-istio.isExpression" .) }}

logs.extraStages has an expression that is not a valid RE2 regular expression: {{ quote . }}.
# at: logs.extraStages
# fix: check its brackets and backslashes
{{- end }}
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.redact" -}}
{{- range .Values.logs.redact }}
{{- if not (include "xscaler-istio.isExpression" .) }}

logs.redact has an entry that is not a valid RE2 regular expression: {{ quote . }}.
# at: logs.redact
# fix: check its brackets and backslashes
{{- else if regexMatch (printf "^(?:%s)$" .) "" }}

logs.redact has an entry that matches the empty string, and so every position of a line: {{ quote . }}.
# at: logs.redact
# fix: write + instead of * where something must be there
{{- else if regexMatch "^\\(?(?:\\?:)?\\.[*+]" . }}

logs.redact has an entry that begins with any text: {{ quote . }}. The agent would look at every character of every line, and replace only the last match in it.
# at: logs.redact
# fix: remove {{ regexFind "\\.[*+]\\??" . }} at the beginning; an expression matches anywhere in a line
{{- end }}
{{- end }}
{{- end -}}
