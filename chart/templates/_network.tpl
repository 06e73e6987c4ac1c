{{/*
NetworkPolicies: one a component, so that each pod may reach what it needs and nothing else. A port stands for any
address: proxies on the host network, the API server and xScaler have none that a selector could name.
*/}}

{{/* Inputs: root, component, ports (of what it calls beside DNS), from (components that may call it), to (those that it calls on any port) */}}
{{- define "xscaler-istio.networkPolicy" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $dns := dig "dnsPort" 53 (include "xscaler-istio.platform" .root | fromYaml) | int -}}
{{- $ports := list (dict "port" 53 "protocol" "UDP") (dict "port" $dns "protocol" "UDP") -}}
{{- range $port := concat (list 53 $dns) .ports -}}
{{- $ports = append $ports (dict "port" (int $port) "protocol" "TCP") -}}
{{- end -}}
{{- $ingress := list -}}
{{- range .from -}}
{{- $ingress = append $ingress (dict "from" (list (include "xscaler-istio.podsOf" (dict "root" $.root "component" .) | fromYaml))) -}}
{{- end -}}
{{- $egress := list (dict "ports" (uniq $ports)) -}}
{{- range .to -}}
{{- $egress = append $egress (dict "to" (list (include "xscaler-istio.podsOf" (dict "root" $.root "component" .) | fromYaml))) -}}
{{- end -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "xscaler-istio.metadata" (dict "root" .root "component" .component "name" (printf "%s-%s" (include "xscaler-istio.fullname" .root) .component)) | nindent 2 }}
spec:
  {{- include "xscaler-istio.podsOf" . | nindent 2 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- concat $ingress $policy.ingress | default list | toYaml | nindent 4 }}
  egress:
    {{- concat $egress $policy.egress | toYaml | nindent 4 }}
{{- end -}}

{{/* Inputs: root, component */}}
{{- define "xscaler-istio.podsOf" -}}
podSelector:
  matchLabels:
    {{- include "xscaler-istio.selectorLabels" . | nindent 4 }}
{{- end -}}

{{/* The port on the way to a destination: that of the proxy, if there is one. Inputs: root, url */}}
{{- define "xscaler-istio.destinationPort" -}}
{{- $url := urlParse (default .url .root.Values.xscaler.proxyUrl) -}}
{{- trimPrefix ":" (regexFind ":[0-9]+$" $url.host) | default (ternary 443 80 (eq $url.scheme "https")) -}}
{{- end -}}
