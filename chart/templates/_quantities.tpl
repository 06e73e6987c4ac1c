{{/* A Kubernetes quantity in bytes. Inputs: the quantity, a string or a number */}}
{{- define "xscaler-istio.bytes" -}}
{{- include "xscaler-istio.amount" . | float64 | int64 -}}
{{- end -}}

{{/* A Kubernetes quantity as a number: bytes, cores or pieces. Inputs: the quantity, a string or a number */}}
{{- define "xscaler-istio.amount" -}}
{{- $decimal := dict "m" 0.001 "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $binary := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+([eE][+-]?[0-9]+)?" $text -}}
{{- mulf (float64 $number) (trimPrefix $number $text | index (merge $decimal $binary)) -}}
{{- end -}}
