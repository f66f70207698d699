{{/* Names, labels and lists that several templates share. */}}

{{/* The name of every object of the release: the release name, which includes the chart name. */}}
{{- define "metorial-operator.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that select the pods of this release. They must never change, because a Deployment's selector is immutable. */}}
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

{{/* The image, by digest if one is set. */}}
{{- define "metorial-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The plural names of the namespaced kinds, from the CRDs, as a list under "items". */}}
{{- define "metorial-operator.namespacedKinds" -}}
items:
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" }}
{{- $crd := $.Files.Get $path | fromYaml }}
{{- if eq $crd.spec.scope "Namespaced" }}
  - {{ $crd.spec.names.plural }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The plural names of all kinds that the release serves, as a YAML list. */}}
{{- define "metorial-operator.servedKinds" -}}
{{- $kinds := (include "metorial-operator.namespacedKinds" . | fromYaml).items }}
{{- if not .Values.watchNamespaces }}
{{- $kinds = append $kinds "clusterconnections" }}
{{- end }}
{{- toYaml $kinds }}
{{- end -}}

{{/* The name of cluster-wide objects. Releases that serve some namespaces only may exist side by side. */}}
{{- define "metorial-operator.clusterWideName" -}}
{{- if .Values.watchNamespaces -}}
{{- printf "%s-%s" .Release.Namespace (include "metorial-operator.fullname" .) -}}
{{- else -}}
{{- include "metorial-operator.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* The operator as the API server knows it. */}}
{{- define "metorial-operator.user" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "metorial-operator.fullname" .) -}}
{{- end -}}

{{/* The Lease by which the replicas elect a leader. */}}
{{- define "metorial-operator.lease" -}}
metorial-operator{{ with .Values.shard.name }}-{{ . }}{{ end }}
{{- end -}}

{{/* The objects that the operator keeps for itself in its own namespace: the fingerprint key, and the list of objects that
were orphaned because the API could not be reached. */}}
{{- define "metorial-operator.keySecret" -}}metorial-operator-fingerprint-key{{- end -}}
{{- define "metorial-operator.orphansConfigMap" -}}metorial-orphans{{- end -}}

{{/* The roleRef and subjects of a binding to the operator: (dict "root" $ "kind" "Role" "name" …). */}}
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
