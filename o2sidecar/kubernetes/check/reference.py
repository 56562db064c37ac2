"""The page `docs/checks.md`, made from the rules.

`python -m o2sidecar.kubernetes.check.reference > docs/checks.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from o2sidecar.kubernetes.check.live.statements import STATEMENTS
from o2sidecar.kubernetes.check.rule import Statement
from o2sidecar.kubernetes.check.rules import FAMILIES

_INTRODUCTION = """\
# What `o2sidecar check` finds

This page is made from the rules in `o2sidecar/kubernetes/check/`, by
`python -m o2sidecar.kubernetes.check.reference > docs/checks.md`.

`o2sidecar check` reads manifests, a configuration file, a running site or a cluster, and names what opens a bypass,
breaks sign-in or cannot be applied. It knows the containers of o2sidecar and of oauth2-proxy, so it can be asked before
anything is moved. It needs `pip install 'o2sidecar[kubernetes]'`.

| | |
|---|---|
| `-f FILE…` | files and folders; `-` is the standard input. In a folder with a kustomization only what that names |
| `--config FILE` | an `oauth2_proxy.cfg` on its own |
| `--external KIND/[NS/]NAME` | what exists elsewhere: `Secret/apps/oauth2-proxy-secret`, `Host/auth.example.com` |
| `-n NS` | where objects go that name no namespace |
| `--live URL` | plays the way to the provider against a running site, without signing in; changes nothing |
| `--cluster` | reads by `kubectl get … -o json`, in the namespace of `-n` or in all |
| `--format text`, `json`, `sarif` | SARIF 2.1.0 is what code hosts show beside the lines of a change |
| `--fail-on error`, `warning` | from which severity on the exit status is 1 |

Exit status: 0 nothing found, 1 errors found (with `--fail-on warning`: or warnings), 2 the input cannot be read.

A proxy's settings are put together as its container would: arguments, variables, and the files of the ConfigMaps and
Secrets of the same set; and they are judged by the loader that `o2sidecar run` has. No secret is ever printed.

A comment in an object accepts a finding there, with a reason for whoever reads it next:

```yaml
# o2sidecar: accept O2S079 (a NetworkPolicy of the namespace closes the port)
apiVersion: apps/v1
kind: Deployment
```

## In CI

Templates and overlays are rendered first, so that what is judged is what is applied:

```sh
kustomize build overlays/prod | o2sidecar check -f - --external Gateway/istio-system/main
helm template my-app ./chart | o2sidecar check -f - -n apps --fail-on warning
o2sidecar check -f k8s/ --format sarif > check.sarif      # then hand check.sarif to the code host
```
"""


def page() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for title, rules in FAMILIES.items():
        lines += [f"## {title}\n", *_entries(rules)]
    lines += ["## A running site (`--live`)\n", *_entries(STATEMENTS)]
    return "\n".join(lines)


def _entries(statements: Iterable[Statement]) -> Iterator[str]:
    for one in statements:
        yield f"### {one.id}: {one.title}\n\n*{one.severity}.* {one.why}\n\nMend it: {one.mend}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
