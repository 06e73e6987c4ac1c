{{/*
metrics.histograms: the form in which histograms are sent. A native one has the base name and no le; converted ones keep
their bounds (native histograms with custom buckets).
*/}}

{{/* How Prometheus' own scraper makes native histograms of classic ones, as further lines. Inputs: root */}}
{{- define "xscaler-istio.prometheusConversion" -}}
{{- $form := .root.Values.metrics.histograms -}}
{{- if ne $form "classic" }}
convert_classic_histograms_to_nhcb: true
always_scrape_classic_histograms: {{ eq $form "both" }}
{{- end }}
{{- end -}}

{{/*
Expressions for names, as a JSON list, as the metric rules need them: they also match the base name of each histogram
whose parts they match, if the collector converts before the rules. Inputs: root, expressions
*/}}
{{- define "xscaler-istio.namesInForm" -}}
{{- $names := .expressions -}}
{{- if and (ne .root.Values.metrics.histograms "classic") (eq (include "xscaler-istio.collector.histograms" . | fromYaml).converts "before") -}}
{{- $names = list -}}
{{- range .expressions }}{{ $names = append $names (include "xscaler-istio.nameInForm" (dict "root" $.root "expression" .)) }}{{ end -}}
{{- end -}}
{{- toRawJson $names -}}
{{- end -}}

{{/* As nameInForm, but unchanged with classic histograms only. Inputs: root, expression */}}
{{- define "xscaler-istio.nameAnyForm" -}}
{{- if eq .root.Values.metrics.histograms "classic" }}{{ .expression }}{{ else }}{{ include "xscaler-istio.nameInForm" . }}{{ end -}}
{{- end -}}

{{/*
An expression that ends in the parts of a histogram, with these as an option; another one is unchanged. One that ends in
_.* is such an expression if the rest is the name of a histogram in files/labels.yaml. Inputs: root, expression
*/}}
{{- define "xscaler-istio.nameInForm" -}}
{{- $parts := `([A-Za-z0-9]\)?)_(\((?:\?:)?(?:\w+\|)*bucket(?:\|\w+)*\)|bucket)$` -}}
{{- if regexMatch `_\.[*+]$` .expression -}}
{{- $base := regexReplaceAll `_\.[*+]$` .expression "" -}}
{{- range (.root.Files.Get "files/labels.yaml" | fromYaml).histograms -}}
{{- if regexMatch (printf "^(?:%s)$" $base) . }}{{ $parts = `([A-Za-z0-9]\)?)_(\.[*+])$` }}{{ end -}}
{{- end -}}
{{- end -}}
{{- regexReplaceAll $parts .expression "${1}(_${2})?" -}}
{{- end -}}

{{/*
A text with queries in the form of the values: `both` keeps the classic ones, whose history is longer. The queries are
written once, for classic histograms: a quantile of `sum by (…, le) (rate(x_bucket…))`, or x_count and x_sum.
Inputs: root, text
*/}}
{{- define "xscaler-istio.queriesInForm" -}}
{{- $text := .text -}}
{{- if eq .root.Values.metrics.histograms "native" -}}
{{- $text = regexReplaceAll `sum by \(le\) (\(\s*rate\(\w+)_bucket\b` $text "sum${1}" -}}
{{- $text = regexReplaceAll `(sum by \([^()]*), le(\) \(\s*rate\(\w+)_bucket\b` $text "${1}${2}" -}}
{{- $facts := .root.Files.Get "files/labels.yaml" | fromYaml -}}
{{- range concat $facts.histograms $facts.ownHistograms -}}
{{- $part := printf `%s_(count|sum)(\{[^{}]*\}` . -}}
{{- $text = regexReplaceAll (printf `\b(rate|increase)\(%s\[[^\]]*\])\)` $part) $text (printf "histogram_${2}(${1}(%s${3}))" .) -}}
{{- $text = regexReplaceAll (printf `\b%s(?: offset \w+)?)` $part) $text (printf "histogram_${1}(%s${2})" .) -}}
{{- end -}}
{{- end -}}
{{ $text }}
{{- end -}}
