{{/* The program's container. Inputs: as xscaler-istio.podTemplate, and pod (the complete block `pod`) */}}
{{- define "xscaler-istio.container" -}}
name: collector
image: {{ include "xscaler-istio.image" (dict "root" .root "image" .settings.image) | quote }}
imagePullPolicy: {{ .settings.image.pullPolicy }}
args:
  {{- include "xscaler-istio.arguments" . | fromJsonArray | toYaml | nindent 2 }}
{{- with include "xscaler-istio.environment" . | fromJsonArray }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ .workload.port }}
readinessProbe:
  httpGet:
    path: {{ .workload.readinessPath }}
    port: http
  {{- mustMergeOverwrite (dict "periodSeconds" 5) .pod.readinessProbe | toYaml | nindent 2 }}
livenessProbe:
  httpGet:
    path: {{ .workload.livenessPath }}
    port: http
  {{- mustMergeOverwrite (dict "initialDelaySeconds" 10 "periodSeconds" 15 "failureThreshold" 6) .pod.livenessProbe | toYaml | nindent 2 }}
resources:
  {{- toYaml .settings.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  {{- include "xscaler-istio.volumeMounts" . | trim | nindent 2 }}
  {{- with .pod.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
The program's arguments, as a JSON list: the chart's and then those of extraArgs, which take the place of the chart's where
it is the same flag, unless the program joins the values of that flag. Inputs: settings, workload
*/}}
{{- define "xscaler-istio.arguments" -}}
{{- $replaced := list -}}
{{- range .settings.extraArgs -}}
{{- $flag := include "xscaler-istio.flag" . -}}
{{- if and $flag (not (has $flag $.workload.repeatableFlags)) }}{{ $replaced = append $replaced $flag }}{{ end -}}
{{- end -}}
{{- $arguments := list -}}
{{- range .workload.args -}}
{{- if not (has (include "xscaler-istio.flag" .) $replaced) }}{{ $arguments = append $arguments . }}{{ end -}}
{{- end -}}
{{- concat $arguments .settings.extraArgs | toRawJson -}}
{{- end -}}

{{/* The name of the flag that an argument sets, or nothing; `--no-x` sets x. Inputs: the argument */}}
{{- define "xscaler-istio.flag" -}}
{{- regexFind "^--?[A-Za-z][^=]*" . | trimPrefix "-" | trimPrefix "-" | trimPrefix "no-" -}}
{{- end -}}

{{/*
Environment variables, as a JSON list. One of extraEnv takes the place of the chart's: two entries of one name are rejected
by server-side apply. Inputs: as xscaler-istio.container
*/}}
{{- define "xscaler-istio.environment" -}}
{{- $own := list -}}
{{- with include "xscaler-istio.goMemoryLimit" . }}{{ $own = append $own (dict "name" "GOMEMLIMIT" "value" .) }}{{ end -}}
{{- if .workload.nodeName -}}
{{- $own = append $own (dict "name" "NODE_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "spec.nodeName"))) -}}
{{- end -}}
{{- $given := list -}}
{{- range .pod.extraEnv }}{{ $given = append $given .name }}{{ end -}}
{{- $own = concat $own (include "xscaler-istio.proxyVariables" (dict "root" .root "given" $given) | fromJsonArray) -}}
{{- $variables := list -}}
{{- range $own }}{{ if not (has .name $given) }}{{ $variables = append $variables . }}{{ end }}{{ end -}}
{{- concat $variables .pod.extraEnv | toRawJson -}}
{{- end -}}

{{/*
The variables from which programs read their proxy, as a JSON list: Prometheus and Alloy have no file for a URL with a password.
Whatever sets a proxy for xScaler, the API server is reached without it. Inputs: root, given (names of variables of the values)
*/}}
{{- define "xscaler-istio.proxyVariables" -}}
{{- $xscaler := .root.Values.xscaler -}}
{{- $variables := list -}}
{{- $proxied := has "HTTPS_PROXY" .given | or (has "https_proxy" .given) | or (has "HTTP_PROXY" .given) | or (has "http_proxy" .given) -}}
{{- with $xscaler.proxySecret.name -}}
{{- $proxied = true -}}
{{- range $name := list "HTTP_PROXY" "HTTPS_PROXY" -}}
{{- $source := dict "secretKeyRef" (dict "name" $xscaler.proxySecret.name "key" $xscaler.proxySecret.key) -}}
{{- $variables = append $variables (dict "name" $name "valueFrom" $source) -}}
{{- end -}}
{{- end -}}
{{- if and $proxied (not (has "no_proxy" .given)) -}}
{{- $direct := concat $xscaler.noProxy (list "$(KUBERNETES_SERVICE_HOST)" "localhost" ".svc" ".cluster.local") -}}
{{- $variables = append $variables (dict "name" "NO_PROXY" "value" (join "," $direct)) -}}
{{- end -}}
{{- toRawJson $variables -}}
{{- end -}}

{{/* GOMEMLIMIT in bytes for a program that does not find it out itself, or nothing. Inputs: as xscaler-istio.podTemplate */}}
{{- define "xscaler-istio.goMemoryLimit" -}}
{{- $memory := dig "limits" "memory" "" .settings.resources -}}
{{- if and .workload.goMemoryLimitPercent $memory -}}
{{- div (mul (include "xscaler-istio.bytes" $memory) .workload.goMemoryLimitPercent) 100 -}}
{{- end -}}
{{- end -}}
