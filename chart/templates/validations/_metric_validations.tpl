{{/*
Rules about the series: their labels, the number of labels, complete histograms. _validations.tpl describes the format of
a rule. The facts about Istio's metrics are in files/labels.yaml.
*/}}

{{- define "xscaler-istio.validate.agents" -}}
{{- $targets := .Values.metrics.targets -}}
{{- if and $targets.agents.enabled $targets.proxies.enabled (ne (int $targets.proxies.port) 15090) }}
metrics.targets.agents would scrape the port of metrics.targets.proxies a second time: at 15020 a proxy's response contains its
agent's metrics.
# at: metrics.targets.agents.enabled, metrics.targets.proxies.port
# fix: set
  metrics:
    targets:
      proxies:
        port: 15090
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.labelBudget" -}}
{{- $facts := .Files.Get "files/labels.yaml" | fromYaml -}}
{{- $limit := int .Values.xscaler.limits.labelsPerSeries -}}
{{- $added := include "xscaler-istio.addedLabels" . | trim | splitList " " | compact -}}
{{- range $job, $families := $facts.families -}}
{{- $tags := ternary $.Values.istio.customTags (list) (has $job $facts.customTags) | uniq -}}
{{- $over := list -}}
{{- $beyond := 0 -}}
{{- range $family, $groups := $families -}}
{{- $labels := list -}}
{{- $groups = ternary $groups (without $groups "regions") (empty $added) -}}
{{- range $group := ternary (without $groups "bucket") $groups (eq $.Values.metrics.histograms "native") -}}
{{- $labels = concat $labels (index $facts.groups $group) -}}
{{- end -}}
{{- $count := concat $labels $added $tags | uniq | len -}}
{{- if gt $count $limit -}}
{{- $beyond = max $beyond (sub $count $limit) -}}
{{- $over = append $over (printf "%d on %s" $count (ternary (trimSuffix "_bucket" $family) $family (eq $.Values.metrics.histograms "native"))) -}}
{{- end -}}
{{- end -}}
{{- if and $over (index $.Values.metrics.targets $job).enabled (ne $.Values.metrics.collector "none") }}

xscaler.limits.labelsPerSeries is {{ $limit }}, and series of the job {{ $job }} would have more labels: {{ join ", " $over }}. xScaler rejects
them.
# at: xscaler.limits.labelsPerSeries{{ if $added }}, cluster.labels, metrics.extraMetricRelabelConfigs{{ end }}{{ if $tags }}, istio.customTags{{ end }}
# fix: {{ include "xscaler-istio.fewerLabels" (dict "added" $added "tags" $tags "number" $beyond) }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The fix for too many labels. Inputs: added (labels from cluster.labels and rules), tags (custom tags of the mesh), number (how many are too many) */}}
{{- define "xscaler-istio.fewerLabels" -}}
{{- $removals := list -}}
{{- with .added }}{{ $removals = append $removals (printf "of these labels from cluster.labels or metrics.extraMetricRelabelConfigs: %s" (join ", " .)) }}{{ end -}}
{{- with .tags }}{{ $removals = append $removals (printf "of these tags from istio.customTags and from the mesh: %s" (join ", " .)) }}{{ end -}}
{{- if $removals }}remove {{ ternary "one" (toString .number) (eq (int .number) 1) }} {{ join "; or " $removals }}{{ else }}set xscaler.limits.labelsPerSeries to your plan's limit (30 by default){{ end -}}
{{- end -}}

{{- define "xscaler-istio.validate.clusterLabels" -}}
{{- $taken := include "xscaler-istio.labelsOfIstio" . | fromYamlArray -}}
{{- $streams := .Files.Get "files/logs/streams.yaml" | fromYaml -}}
{{- $ofStreams := concat $streams.always $streams.system (keys $streams.access) -}}
{{- range $name := keys .Values.cluster.labels | sortAlpha -}}
{{- if and (ne $.Values.metrics.collector "none") (or (has $name $taken) (has $name $.Values.istio.customTags)) }}

cluster.labels.{{ $name }} is a label that Istio's series already have. Their label would be renamed to exported_{{ $name }}, and
dashboards would not find it.
# at: cluster.labels.{{ $name }}
# fix: choose another name
{{- else if and $.Values.logs.enabled (has $name $ofStreams) }}

cluster.labels.{{ $name }} is a label that log streams already have, with another meaning.
# at: cluster.labels.{{ $name }}
# fix: choose another name
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.metricNames" -}}
{{- $metrics := .Values.metrics -}}
{{- range $key := list "includeMetrics" "excludeMetrics" -}}
{{- range $expression := index $metrics $key -}}
{{- if not (include "xscaler-istio.isExpression" .) }}

metrics.{{ $key }} has an entry that is not a valid RE2 regular expression: {{ quote . }}.
# at: metrics.{{ $key }}
# fix: check its brackets and backslashes
{{- end }}
{{- end -}}
{{- end -}}
{{- range $expression := $metrics.excludeMetrics -}}
{{- $named := include "xscaler-istio.nameAnyForm" (dict "root" $ "expression" .) -}}
{{- with include "xscaler-istio.brokenHistograms" (dict "root" $ "rule" (dict "source_labels" (list "__name__") "regex" $named "action" "drop")) | trim }}

metrics.excludeMetrics has {{ $expression | quote }}, which would drop part of {{ . }}. A histogram needs all of _bucket, _sum and _count:
collectors treat an incomplete histogram differently.
# at: metrics.excludeMetrics
# fix: write, for example,
  metrics:
    excludeMetrics:
      - {{ splitList ", " . | first }}_(bucket|sum|count)
{{- end }}
{{- end -}}
{{- range $expression := $metrics.includeMetrics -}}
{{- if and (ne $metrics.histograms "classic") (regexMatch `bucket` .) (eq . (include "xscaler-istio.nameAnyForm" (dict "root" $ "expression" .))) }}

metrics.includeMetrics has {{ quote . }}. With metrics.histograms {{ $metrics.histograms }} the name of a histogram has no _bucket, and the chart finds the name
only before an ending such as _(bucket|sum|count).
# at: metrics.includeMetrics, metrics.histograms
# fix: write each histogram as an entry of its own, for example istio_request_bytes_(bucket|sum|count)
{{- else if regexMatch "^[a-zA-Z_:][a-zA-Z0-9_:]*_(bucket|sum)$" . -}}
{{- $base := regexReplaceAll "_(bucket|sum)$" . "" -}}
{{- $all := printf "^(?:%s)$" (join "|" $metrics.includeMetrics) -}}
{{- if not (and (regexMatch $all (printf "%s_sum" $base)) (regexMatch $all (printf "%s_count" $base))) }}

metrics.includeMetrics has {{ . }} without the rest of its histogram or summary.
# at: metrics.includeMetrics
# fix: write
  metrics:
    includeMetrics:
      - {{ $base }}_(bucket|sum|count)
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.extraMetricRelabelConfigs" -}}
{{- $labels := include "xscaler-istio.labelsOfIstio" . | fromYamlArray -}}
{{- $groups := (.Files.Get "files/labels.yaml" | fromYaml).groups -}}
{{- $tags := concat $groups.reporter $groups.peers $groups.connection $groups.answer -}}
{{- $histograms := .Values.metrics.histograms -}}
{{- range $number, $rule := .Values.metrics.extraMetricRelabelConfigs -}}
{{- $place := printf "metrics.extraMetricRelabelConfigs[%d]" $number -}}
{{- $action := default "replace" $rule.action -}}
{{- $regex := default "(.*)" $rule.regex -}}
{{- if not (include "xscaler-istio.isExpression" $regex) }}

{{ $place }}.regex is not a valid RE2 regular expression: {{ quote $regex }}.
# at: {{ $place }}.regex
# fix: check its brackets and backslashes
{{- else if has $action (list "labeldrop" "labelkeep") }}
{{- $gone := list -}}
{{- range $labels -}}
{{- if eq (regexMatch (printf "^(?:%s)$" $regex) .) (eq $action "labeldrop") }}{{ $gone = append $gone . }}{{ end -}}
{{- end -}}
{{- $ofTheMesh := list -}}
{{- range $gone }}{{ if has . $tags }}{{ $ofTheMesh = append $ofTheMesh . }}{{ end }}{{ end -}}
{{- if and $ofTheMesh (gt (len $gone) (len $ofTheMesh)) }}

{{ $place }} removes {{ join ", " $gone }}. Some series differ only in these labels: two series would become one, and every scrape
would lose one of their values.
# at: {{ $place }}
# fix: remove only labels that Istio does not set
{{- else if $ofTheMesh }}

{{ $place }} removes {{ join ", " $gone }}. Some series differ only in these labels: two series would become one, and every scrape
would lose one of their values.
# at: {{ $place }}
# fix: remove the tag in the mesh instead, with a Telemetry object: spec.metrics[].overrides[].tagOverrides.{{ first $ofTheMesh }}.operation: REMOVE
{{- else if $gone }}

{{ $place }} removes {{ join ", " $gone }}. Some series differ only in these labels: two series would become one, and every scrape
would lose one of their values.
# at: {{ $place }}
# fix: remove it; for fewer series choose another profile, for example metrics.profile: minimal
{{- end }}
{{- else if has $action (list "replace" "hashmod" "lowercase" "uppercase") }}
{{- if has $rule.target_label $labels }}

{{ $place }} writes {{ $rule.target_label }}, a label that distinguishes series: two series could become one, and every scrape would lose one
of their values.
# at: {{ $place }}
# fix: write to a label that Istio does not set
{{- end }}
{{- else if has $action (list "keep" "drop") }}
{{- with include "xscaler-istio.brokenHistograms" (dict "root" $ "rule" $rule) | trim }}

{{ $place }} would drop part of {{ . }}. Keep or drop _bucket{le="+Inf"}, _sum and _count together{{ if ne $histograms "classic" }}, and the native
histogram, which has the name without an ending, with them{{ end }}.
# at: {{ $place }}{{ if ne $histograms "classic" }}, metrics.histograms{{ end }}
# fix: match all {{ ternary "three" "four" (eq $histograms "classic") }} or none of them
{{- end }}
{{- end }}
{{- if and (eq $histograms "native") (has "le" $rule.source_labels) }}

{{ $place }} reads le, a label that native histograms do not have.
# at: {{ $place }}, metrics.histograms
# fix: remove the rule, or set metrics.histograms: classic
{{- end }}
{{- end -}}
{{- end -}}

{{/*
Rejects values that drop every metric. The check tries one name for each choice in the expressions of the profile, of
includeMetrics and of keep rules. If no such name can be made from an expression, the check assumes that something is kept.
*/}}
{{- define "xscaler-istio.validate.somethingIsKept" -}}
{{- $metrics := .Values.metrics -}}
{{- $kept := $metrics.includeMetrics -}}
{{- range $profile := list $metrics.profile "minimal" -}}
{{- range $job, $expressions := ($.Files.Get (printf "files/profiles/%s.yaml" $profile) | fromYaml).keep -}}
{{- if (index $metrics.targets $job).enabled }}{{ $kept = concat $kept $expressions }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $rules := list -}}
{{- with $metrics.excludeMetrics }}{{ $rules = append $rules (dict "key" "metrics.excludeMetrics" "action" "drop" "regex" (join "|" .)) }}{{ end -}}
{{- $tried := $kept -}}
{{- range $rule := $metrics.extraMetricRelabelConfigs -}}
{{- if and (has $rule.action (list "keep" "drop")) (eq (toRawJson $rule.source_labels) `["__name__"]`) -}}
{{- $rules = append $rules (dict "key" "metrics.extraMetricRelabelConfigs" "action" $rule.action "regex" (default "(.*)" $rule.regex)) -}}
{{- if eq $rule.action "keep" }}{{ $tried = append $tried (default "(.*)" $rule.regex) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- $open := list -}}
{{- $all := printf "^(?:%s)$" (join "|" $kept) -}}
{{- /* Without rules there is nothing to try; skipping it saves a third of the rendering time. */ -}}
{{- range $number, $expression := ternary $tried (list) (gt (len $rules) 0) -}}
{{- $itself := printf "^(?:%s)$" $expression -}}
{{- range $name := include "xscaler-istio.namesLike" . | trim | splitList " " -}}
{{- if not (regexMatch $itself .) -}}
{{- $open = append $open . -}}
{{- else if or (lt $number (len $kept)) (regexMatch $all .) -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $culprit := "" -}}
{{- range $rule := $rules -}}
{{- $left := list -}}
{{- range $names -}}
{{- if eq (regexMatch (printf "^(?:%s)$" $rule.regex) .) (eq $rule.action "keep") }}{{ $left = append $left . }}{{ end -}}
{{- end -}}
{{- if and $names (not $left) }}{{ $culprit = $rule.key }}{{ end -}}
{{- $names = $left -}}
{{- end -}}
{{- if and $culprit (not $open) (ne $metrics.collector "none") }}
{{ $culprit }} drops every metric of the profile {{ $metrics.profile }}: pods would be scraped, but none of their metrics sent.
# at: {{ $culprit }}
# fix: remove the entry that matches too much; for a release without metrics set
  metrics:
    collector: none
{{- end }}
{{- end -}}

{{/*
Names that an expression matches, one for each choice, separated by spaces; none if it has 1000 choices or more.
Inputs: the expression
*/}}
{{- define "xscaler-istio.namesLike" -}}
{{- $choices := 1 -}}
{{- range splitList "(" . }}{{ $choices = min 1000000 (mul $choices (regexFindAll `[|?]` . -1 | len | add1)) }}{{ end -}}
{{- if lt $choices 1000 }}{{ include "xscaler-istio.everyName" . }}{{ end -}}
{{- end -}}

{{- define "xscaler-istio.everyName" -}}
{{- $expression := . -}}
{{- $group := regexFind `\([^()]*\)\??` . -}}
{{- if $group -}}
{{- $choices := $group | trimSuffix "?" | trimSuffix ")" | trimPrefix "(" | trimPrefix "?:" | splitList "|" -}}
{{- range $choice := ternary (append $choices "") $choices (hasSuffix "?" $group) -}}
{{- include "xscaler-istio.everyName" (replace $group . $expression) -}}
{{- end -}}
{{- else -}}
{{- range $choice := regexReplaceAll `\.[*+]` . "x" | splitList "|" }}{{ . }} {{ end -}}
{{- end -}}
{{- end -}}

{{/* Every label that distinguishes series, as a YAML list. Inputs: . (root) */}}
{{- define "xscaler-istio.labelsOfIstio" -}}
{{- $facts := .Files.Get "files/labels.yaml" | fromYaml -}}
{{- $labels := $facts.other -}}
{{- range $facts.groups }}{{ $labels = concat $labels . }}{{ end -}}
{{- $labels | uniq | sortAlpha | toYaml -}}
{{- end -}}

{{/* Prints true for a valid RE2 regular expression: with an added empty alternative it matches, unless it does not compile. */}}
{{- define "xscaler-istio.isExpression" -}}
{{- if regexMatch (printf "(?:%s)|" .) "" }}true{{ end -}}
{{- end -}}
