{{/* Names, labels and lists that several templates share. */}}

{{/* The name of every object of the release: the release's name, with the chart's in it. */}}
{{- define "metorial-operator.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What tells this release's pods from all others. Never changes: a Deployment's selector can't. */}}
{{- define "metorial-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "metorial-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{ include "metorial-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The image, by its digest if there is one. */}}
{{- define "metorial-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The plurals of the kinds that live in a namespace, by their definitions, as a list under "items". */}}
{{- define "metorial-operator.namespacedKinds" -}}
items:
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" }}
{{- $crd := $.Files.Get $path | fromYaml }}
{{- if eq $crd.spec.scope "Namespaced" }}
  - {{ $crd.spec.names.plural }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Binds a role to the operator: (dict "root" $ "kind" "Role" "name" …), the end of a binding. */}}
{{- define "metorial-operator.bind" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "metorial-operator.fullname" .root }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
