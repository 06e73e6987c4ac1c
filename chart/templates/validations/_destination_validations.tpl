{{/* What is wrong about the way to xScaler: region, tenant, credentials, URLs, proxy and headers. See _validations.tpl. */}}

{{- define "xscaler-istio.validate.region" -}}
{{- $needed := list -}}
{{- if not (or (eq .Values.metrics.collector "none") .Values.xscaler.metrics.url) }}{{ $needed = append $needed "metrics" }}{{ end -}}
{{- if and .Values.logs.enabled (not .Values.xscaler.logs.url) }}{{ $needed = append $needed "logs" }}{{ end -}}
{{- if and $needed (not .Values.xscaler.region) }}
xscaler.region is empty. It selects the xScaler host that receives the {{ join " and the " $needed }}.
# at: xscaler.region
# fix: set
  xscaler:
    region: euw1-01
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.tenantId" -}}
{{- $key := .Values.xscaler.auth.existingSecret.tenantIdKey -}}
{{- if and .Values.xscaler.tenantId $key }}
xscaler.tenantId and xscaler.auth.existingSecret.tenantIdKey are both set.
# at: xscaler.tenantId, xscaler.auth.existingSecret.tenantIdKey
# fix: remove one of them
{{- else if and $key .Values.xscaler.auth.tokenFile }}
xscaler.auth.existingSecret.tenantIdKey is a key of a Secret, and with xscaler.auth.tokenFile the chart reads none.
# at: xscaler.auth.existingSecret.tenantIdKey, xscaler.auth.tokenFile
# fix: set xscaler.tenantId to your tenant ID, and xscaler.auth.existingSecret.tenantIdKey to ""
{{- else if and $key (not .Values.xscaler.auth.existingSecret.name) }}
xscaler.auth.existingSecret.tenantIdKey needs xscaler.auth.existingSecret.name.
# at: xscaler.auth.existingSecret.tenantIdKey, xscaler.auth.existingSecret.name
# fix: set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- else if not (or .Values.xscaler.tenantId $key) }}
xscaler.tenantId is empty. xScaler rejects requests without it.
# at: xscaler.tenantId
# fix: set xscaler.tenantId to your tenant ID
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.token" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.token $auth.existingSecret.name }}
xscaler.auth.token and xscaler.auth.existingSecret.name are both set.
# at: xscaler.auth.token, xscaler.auth.existingSecret.name
# fix: remove one of them; keep existingSecret in production
{{- else if and $auth.tokenFile (or $auth.token $auth.existingSecret.name) }}
{{- $other := ternary "xscaler.auth.token" "xscaler.auth.existingSecret.name" (ne $auth.token "") }}
xscaler.auth.tokenFile and {{ $other }} are both set.
# at: xscaler.auth.tokenFile, {{ $other }}
# fix: remove one of them
{{- else if not (or $auth.token $auth.existingSecret.name $auth.tokenFile) }}
xscaler.auth.existingSecret.name is empty. It names the Secret with the token.
# at: xscaler.auth.existingSecret.name
# fix: create a Secret with the token (kubectl create secret generic xscaler-token --namespace {{ include "xscaler-istio.namespace" . }} --from-literal=token=YOUR_TOKEN) and set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- end }}
{{- end -}}

{{/* Programs without the file send nothing: a volume has to have it, or an agent that an annotation asks. */}}
{{- define "xscaler-istio.validate.tokenFile" -}}
{{- with .Values.xscaler.auth.tokenFile -}}
{{- $file := clean . -}}
{{- $without := list -}}
{{- range $program := include "xscaler-istio.programs" $ | fromJsonArray -}}
{{- $pod := merge (dict "root" $ "settings" (index $.Values $program.program)) $program | include "xscaler-istio.podSettings" | fromJson -}}
{{- $there := or $pod.annotations $.Values.commonAnnotations -}}
{{- range $pod.extraVolumeMounts }}{{ $there = or $there (hasPrefix (clean .mountPath | printf "%s/") (printf "%s/" $file)) }}{{ end -}}
{{- if not $there }}{{ $without = append $without $program.program }}{{ end -}}
{{- end -}}
{{- with uniq $without }}
xscaler.auth.tokenFile is {{ $file }}, but nothing puts this file into the pods of {{ join " and " . }}:
no volume is mounted there, and the pods have no annotation that asks an agent for it.
# at: xscaler.auth.tokenFile
# fix: mount the volume of a CSI driver with pod.extraVolumes and pod.extraVolumeMounts, or for a Vault agent set
  pod:
    annotations:
      vault.hashicorp.com/agent-inject: "true"
{{- end }}
{{- end -}}
{{- end -}}

{{- define "xscaler-istio.validate.username" -}}
{{- $auth := .Values.xscaler.auth -}}
{{- if and $auth.username $auth.existingSecret.usernameKey }}
xscaler.auth.username and xscaler.auth.existingSecret.usernameKey are both set.
# at: xscaler.auth.username, xscaler.auth.existingSecret.usernameKey
# fix: remove one of them
{{- else if and $auth.existingSecret.usernameKey $auth.tokenFile }}
xscaler.auth.existingSecret.usernameKey is a key of a Secret, and with xscaler.auth.tokenFile the chart reads none.
# at: xscaler.auth.existingSecret.usernameKey, xscaler.auth.tokenFile
# fix: set the user name in xscaler.auth.username, and remove usernameKey
{{- else if and $auth.existingSecret.usernameKey (not $auth.existingSecret.name) }}
xscaler.auth.existingSecret.usernameKey needs xscaler.auth.existingSecret.name.
# at: xscaler.auth.existingSecret.usernameKey, xscaler.auth.existingSecret.name
# fix: set
  xscaler:
    auth:
      existingSecret:
        name: xscaler-token
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.metricsUrl" -}}
{{- include "xscaler-istio.validateUrl" (dict "root" . "what" "metrics") -}}
{{- end -}}

{{- define "xscaler-istio.validate.logsUrl" -}}
{{- include "xscaler-istio.validateUrl" (dict "root" . "what" "logs") -}}
{{- end -}}

{{/* Inputs: root, what (metrics or logs) */}}
{{- define "xscaler-istio.validateUrl" -}}
{{- $url := (index .root.Values.xscaler .what).url -}}
{{- if include "xscaler-istio.hasUserinfo" $url }}
xscaler.{{ .what }}.url holds a user name or password, which would be readable in a ConfigMap.
# at: xscaler.{{ .what }}.url
# fix: use xscaler.auth instead
{{- else if and (hasPrefix "http://" $url) (not .root.Values.xscaler.allowInsecureHttp) }}
xscaler.{{ .what }}.url uses http, so the token would be sent in clear text.
# at: xscaler.{{ .what }}.url
# fix: use https, or for a test backend set
  xscaler:
    allowInsecureHttp: true
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.proxyUrl" -}}
{{- if include "xscaler-istio.hasUserinfo" .Values.xscaler.proxyUrl }}
xscaler.proxyUrl holds a user name or password, which would be readable in a ConfigMap.
# at: xscaler.proxyUrl
# fix: put the whole URL into a Secret and set
  xscaler:
    proxyUrl: ""
    proxySecret:
      name: corporate-proxy
{{- end }}
{{- $secret := .Values.xscaler.proxySecret.name -}}
{{- if and $secret .Values.xscaler.proxyUrl }}

xscaler.proxyUrl and xscaler.proxySecret.name are both set.
# at: xscaler.proxySecret.name, xscaler.proxyUrl
# fix: remove one of them
{{- else if and $secret .Values.networkPolicy.enabled (empty .Values.networkPolicy.egress) }}

xscaler.proxySecret.name hides the proxy's port, so the NetworkPolicies cannot open it.
# at: xscaler.proxySecret.name, networkPolicy.egress
# fix: set, with the port of your proxy,
  networkPolicy:
    egress:
      - ports:
          - port: 3128
{{- end }}
{{- end -}}

{{- define "xscaler-istio.validate.extraHeaders" -}}
{{- range $name, $value := .Values.xscaler.extraHeaders -}}
{{- if not (and (regexMatch "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" $name) (regexMatch "^[^\\x00-\\x1f\\x7f]*$" $value)) }}

xscaler.extraHeaders has {{ quote $name }}, which is not a valid header.
# at: xscaler.extraHeaders
# fix: write a name of letters, digits and dashes, and a value without control characters
{{- end }}
{{- if has (lower $name) (list "authorization" "x-scope-orgid" "content-type" "content-encoding" "content-length" "host" "user-agent" "x-prometheus-remote-write-version") }}

xscaler.extraHeaders.{{ $name }} is a header that the collector sets itself.
# at: xscaler.extraHeaders.{{ $name }}
# fix: remove it; xscaler.auth and xscaler.tenantId identify the sender
{{- end }}
{{- end -}}
{{- end -}}

{{/* Prints true if the URL has the form scheme://user@host. Inputs: the URL */}}
{{- define "xscaler-istio.hasUserinfo" -}}
{{- if regexMatch "^[a-z]+://[^/]*@" . }}true{{ end -}}
{{- end -}}
