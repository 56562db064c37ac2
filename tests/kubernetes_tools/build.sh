#!/usr/bin/env bash
# Builds the programs that judge manifests into FOLDER/bin, and fetches the API definitions of what is not Kubernetes'
# own into FOLDER/crds. All of it comes as Go modules, of the versions named here; nothing is built twice.
set -euo pipefail

folder=$(realpath -m "$1")
programs=(
    github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
    sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
    helm.sh/helm/v3/cmd/helm@v3.22.0
)
definitions=(
    istio.io/api@v1.32.0:kubernetes/customresourcedefinitions.gen.yaml
    sigs.k8s.io/gateway-api@v1.6.3:config/crd/standard
)
least=1.26

PATH="$PATH:/usr/local/go/bin:/usr/lib/go/bin"
command -v go >/dev/null || {
    echo "helm, kustomize and kubeconform are built with Go, and it is missing: install Go $least or newer." >&2; exit 1; }
# One compiler at a time: linking helm takes memory, and other suites run meanwhile.
export GOFLAGS="-p=1 -buildvcs=false" GOTOOLCHAIN=local CGO_ENABLED=0 GOBIN="$folder/bin"
found=$(go env GOVERSION)
[ "$(printf '%s\n' "$least" "${found#go}" | sort -V | head -n 1)" = "$least" ] || {
    echo "helm, kustomize and kubeconform are built with Go $least or newer; here is ${found#go}." >&2; exit 1; }

rm -rf "$folder/schemas" # made of what is fetched here
mkdir -p "$folder/bin" "$folder/crds"
for each in "${programs[@]}"; do
    echo "building $each"
    go install -ldflags="-s -w" "$each"
done
for each in "${definitions[@]}"; do
    module=${each%%:*}
    echo "fetching $module"
    answer=$(cd "$folder" && go mod download -json "$module") || { echo "$answer" >&2; exit 1; }
    source=$(sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p' <<< "$answer")
    name=${module%@*}
    target="$folder/crds/${name//\//-}"
    rm -rf "$target"
    install -d "$target"
    find "$source/${each#*:}" -name '*.yaml' -exec install -m 0644 -t "$target" {} +
done
