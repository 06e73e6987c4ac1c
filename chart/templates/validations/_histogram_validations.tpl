{{/* Rules about histograms: whole ones, and flags that would drop native ones. */}}

{{- define "xscaler-istio.validate.histograms" -}}
{{- $name := .Values.metrics.collector -}}
{{- if and (ne $name "none") (ne .Values.metrics.histograms "classic") -}}
{{- $undone := (include "xscaler-istio.collector.histograms" (dict "root" .) | fromYaml).undoneBy -}}
{{- range (index .Values $name).extraArgs -}}
{{- if and $undone (regexMatch (printf "^(?:%s)$" $undone) .) }}

{{ $name }}.extraArgs has {{ . }}, with which {{ $name }} could not send the native histograms of metrics.histograms: {{ $.Values.metrics.histograms }}.
# at: {{ $name }}.extraArgs, metrics.histograms
# fix: remove this flag, or set metrics.histograms: classic
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The histograms that a rule would drop in part, separated by commas. Where metrics.histograms is not classic, the native
one is a part: collectors convert before or after the rules, and must agree. A rule that reads other labels than __name__
and le is not checked. Inputs: root, rule (a keep or drop rule, as in Prometheus)
*/}}
{{- define "xscaler-istio.brokenHistograms" -}}
{{- $rule := .rule -}}
{{- $broken := list -}}
{{- $expression := printf "^(?:%s)$" (default "(.*)" $rule.regex) -}}
{{- if and (not (without $rule.source_labels "__name__" "le")) (include "xscaler-istio.isExpression" (default "(.*)" $rule.regex)) -}}
{{- range $histogram := (.root.Files.Get "files/labels.yaml" | fromYaml).histograms -}}
{{- $stays := list -}}
{{- range $suffix := concat (list "_bucket" "_sum" "_count") (ternary list (list "") (eq $.root.Values.metrics.histograms "classic")) -}}
{{- $series := dict "__name__" (printf "%s%s" $histogram $suffix) "le" (ternary "+Inf" "" (eq $suffix "_bucket")) -}}
{{- $values := list -}}
{{- range $rule.source_labels }}{{ $values = append $values (get $series .) }}{{ end -}}
{{- $stays = append $stays (eq (regexMatch $expression (join (default ";" $rule.separator) $values)) (eq $rule.action "keep")) -}}
{{- end -}}
{{- if gt (len (uniq $stays)) 1 }}{{ $broken = append $broken $histogram }}{{ end -}}
{{- end -}}
{{- end -}}
{{- join ", " $broken -}}
{{- end -}}
