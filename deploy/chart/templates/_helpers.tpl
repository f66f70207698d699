{{/* Names, labels and lists that several templates share. */}}

{{- define "metorial-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of every object of the release: the release name, which includes the chart name. */}}
{{- define "metorial-operator.fullname" -}}
{{- $name := include "metorial-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The namespace of the operator and of the objects that it keeps for itself. */}}
{{- define "metorial-operator.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* Labels that select the pods of this release. They must never change, because a Deployment's selector is immutable. */}}
{{- define "metorial-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "metorial-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The name in the labels of the pod of `helm test`, which the Service must not select. */}}
{{- define "metorial-operator.checkName" -}}
{{- include "metorial-operator.name" . | trunc 57 | trimSuffix "-" }}-check
{{- end -}}

{{/* The labels of every object: those of commonLabels don't replace the chart's own. */}}
{{- define "metorial-operator.labels" -}}
{{- $own := include "metorial-operator.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_")) -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $own (.Values.commonLabels | default dict)) -}}
{{- end -}}

{{/* The labels of an object that has some of its own: (dict "root" $ "more" …). */}}
{{- define "metorial-operator.labelsAnd" -}}
{{- $own := include "metorial-operator.labels" .root | fromYaml -}}
{{- toYaml (merge $own (.more | default dict)) -}}
{{- end -}}

{{- define "metorial-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "metorial-operator.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name is not set: with serviceAccount.create=false, set it to the ServiceAccount that the operator runs as" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image, by digest if one is set. A registry that is set replaces that of the repository, as of a released chart's: the
first part of a repository is a registry if it has a dot or a port, or is localhost. */}}
{{- define "metorial-operator.image" -}}
{{- if not .Values.image.repository -}}
{{- $image := printf "registry.example.com/metorial-operator:%s" .Chart.AppVersion -}}
{{- fail (printf "image.repository is not set: build an image in the repository of the operator with 'docker build --tag %s . && docker push %s', with your own registry instead of registry.example.com, and add --set image.repository=registry.example.com/metorial-operator" $image $image) -}}
{{- end -}}
{{- $repository := .Values.image.repository -}}
{{- with .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $repository = regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "" -}}
{{- $repository = printf "%s/%s" (. | trimSuffix "/") $repository -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* A duration such as 1h30m in seconds. */}}
{{- define "metorial-operator.seconds" -}}
{{- $hours := regexFind "[0-9]+h" . | trimSuffix "h" | default "0" | atoi -}}
{{- $minutes := regexFind "[0-9]+m" . | trimSuffix "m" | default "0" | atoi -}}
{{- $seconds := regexFind "[0-9]+s" . | trimSuffix "s" | default "0" | atoi -}}
{{- add (mul 3600 $hours) (mul 60 $minutes) $seconds -}}
{{- end -}}

{{/* The image pull secrets of the chart and of all charts, as a YAML list. */}}
{{- define "metorial-operator.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat (.Values.imagePullSecrets | default list) (.Values.global.imagePullSecrets | default list) -}}
{{- $secrets = append $secrets (ternary . (dict "name" .) (kindIs "map" .)) -}}
{{- end -}}
{{- if $secrets -}}
{{- toYaml ($secrets | uniq) -}}
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
{{- printf "%s-%s" (include "metorial-operator.namespace" .) (include "metorial-operator.fullname" .) -}}
{{- else -}}
{{- include "metorial-operator.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* The operator as the API server knows it. */}}
{{- define "metorial-operator.user" -}}
{{- printf "system:serviceaccount:%s:%s" (include "metorial-operator.namespace" .) (include "metorial-operator.serviceAccountName" .) -}}
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
    name: {{ include "metorial-operator.serviceAccountName" .root }}
    namespace: {{ include "metorial-operator.namespace" .root }}
{{- end -}}
