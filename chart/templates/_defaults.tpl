{{/*
Puts the chart's defaults where a key is missing, so that every template may read every key: `helm upgrade
--reuse-values` brings the defaults of the chart that was installed before, which lack what is new, and `null` takes a
default away. Where `null` has a sense, for an amount in `resources`, it stays. Called by the template that Helm renders
first, validations/validations.yaml: the values are one map for all of them. Inputs: values, defaults
*/}}
{{- define "xscaler-istio.fillIn" -}}
{{- range $key, $default := .defaults -}}
{{- if not (hasKey $.values $key) -}}
{{- $_ := set $.values $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" (index $.values $key)) (ne $key "resources") -}}
{{- include "xscaler-istio.fillIn" (dict "values" (index $.values $key) "defaults" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}
