"""Tests for the JSON Schema of the structured file, by a validator that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.checks import CHOICES
from o2sidecar.settings.kinds import DURATION, LIST, NUMBER, SWITCH
from o2sidecar.settings.load import ConversionAsked, load
from o2sidecar.settings.schema import schema, schema_text
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.structured_file import ROOT, read_structured_file
from tests.settings.conformance import configurations
from tests.settings.loading import file_reader
from tests.settings.test_structured_file import GOOD, load_yaml


def complaints(text: str) -> list[str]:
    """Where, and why, a file does not fit the schema."""
    validator = jsonschema.Draft7Validator(schema())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(yaml.safe_load(text))]


def whole(shape: Shape) -> dict[str, Any]:
    """A block with every key that it may have, in the shape that the key asks for; of alternatives, the first."""
    return {
        key.name: value for key in shape.keys.values() if key.name not in shape.one_of[1:] for value in _values(key)
    }


def _values(key: Key) -> Iterator[Any]:
    if not key.built:
        yield ""
    elif key.free:
        yield {}
    elif key.shape is not None:
        yield [whole(key.shape)] if key.listed else whole(key.shape)
    elif key.option in CHOICES:
        yield CHOICES[key.option][-1]
    else:
        yield {SWITCH: True, NUMBER: 204, DURATION: "1m30s", LIST: ["a"]}.get(key.kind, "a")  # type: ignore[arg-type]


class ShippedTests(SynchronousTestCase):
    """The schema is shipped, and says what the reader reads."""

    def test_up_to_date(self) -> None:
        """The shipped file is what the shapes give (the first lines of the module say how to write it anew)."""
        shipped = files("o2sidecar.settings") / "structured_file.schema.json"
        self.assertEqual(shipped.read_text("utf-8"), schema_text())

    def test_it_is_one(self) -> None:
        """It is a good schema of its dialect."""
        jsonschema.Draft7Validator.check_schema(schema())

    def test_every_key_is_read(self) -> None:
        """The reader asks for every key of the schema, so that none is there that it does not know."""
        text = yaml.safe_dump(whole(ROOT))
        self.assertEqual(complaints(text), [])
        read = read_structured_file("a.yaml", file_reader({"a.yaml": text}), {})
        self.assertEqual([str(each) for each in read.problems if "no such key" in str(each)], [])

    def test_every_key_is_described(self) -> None:
        """Whoever points at a key in an editor is told what it means."""

        def undescribed(part: dict[str, Any], path: str) -> Iterator[str]:
            for name, inner in part.get("properties", {}).items():
                if not inner.get("description"):
                    yield f"{path}.{name}"
                yield from undescribed(inner.get("items", inner), f"{path}.{name}")

        self.assertEqual(list(undescribed(schema(), "")), [])


class ValidationTests(SynchronousTestCase):
    """Good files fit it, bad ones do not."""

    def test_converted(self) -> None:
        """What the conversion prints for the conformance cases fits."""
        count = 0
        for each in configurations():
            try:
                load([*each.arguments, "--convert-config-to-alpha"], each.variables, read_file=each.reader())
            except ConversionAsked as asked:
                self.assertEqual(complaints(asked.text), [], each.name)
                count += 1
            except Exception as other:
                self.assertTrue(each.refused, f"{each.name}: {other!r}")
        self.assertGreater(count, 120)

    def test_good(self) -> None:
        """What people write by hand fits: numbers as ids, durations, lists as texts, variables for anything."""
        self.assertEqual(complaints(GOOD), [])
        for line in (
            "metricsServer: {bindAddress: ':9', secureBindAddress: '${METRICS}'}",
            "injectRequestHeaders: [{name: X-A, values: [{secretSource: {fromEnv: A}}, {claimSource: {claim: b}}]}]",
            "injectResponseHeaders: [{name: X-A, authEndpointOnly: true, preserveRequestValue: '${KEEP:-false}'}]",
            "server: {secureBindAddress: ':1', tls: {key: {fromFile: k}, cert: {fromFile: c}, minVersion: '${MIN}'}}",
            "upstreamConfig: {upstreams: [{id: 1, path: /, static: true, staticCode: '${CODE}', timeout: 0}]}",
            "upstreamConfig: {upstreams: [{id: 1, path: /, uri: 'http://a', timeout: 1h30m, flushInterval: 1.5s}]}",
            "providers: [{clientID: 123, allowedGroups: 'a,b', oidcConfig: {skipDiscovery: 't'}, azureConfig: {}}]",
        ):
            self.assertEqual(complaints(f"{GOOD}{line}\n"), [], line)

    def test_documented(self) -> None:
        """The example of the documentation fits, and is read."""
        page = Path(__file__).parents[2] / "docs" / "structured-file.md"
        example = page.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
        self.assertEqual(complaints(example), [])
        loaded = load_yaml(example, variables={"CLIENT_SECRET": "s"}, files={"/run/secrets/key": "k"})
        self.assertEqual((loaded.settings.client_secret, loaded.warnings), ("s", load_yaml(GOOD).warnings))

    def test_bad(self) -> None:
        """Unknown keys, wrong kinds, values that are none and missing halves are told by their place."""
        for line, words in {
            "nonsense: 1": "$: Additional properties are not allowed ('nonsense'",
            "server: []": "$.server: [] is not of type 'object'",
            "providers: {}": "$.providers: {} is not of type 'array'",
            "providers: [{clientId: x}]": "$.providers[0]: Additional properties",
            "providers: [{oidcConfig: {skipDiscovery: 'yes'}}]": "$.providers[0].oidcConfig.skipDiscovery: 'yes' does",
            "providers: [{code_challenge_method: S512}]": "$.providers[0].code_challenge_method: 'S512' is not valid",
            "providers: [{googleConfig: {targetPrincipal: x}}]": "googleConfig.targetPrincipal: 'x' is not one of",
            "providers: [{scope: [a]}]": "$.providers[0].scope: ['a'] is not of type",
            "upstreamConfig: {upstreams: [{path: /}]}": "$.upstreamConfig.upstreams[0]: 'id' is a required property",
            "upstreamConfig: {upstreams: [{id: a, path: /, timeout: 5}]}": "[0].timeout: 5 is greater than the maximum",
            "upstreamConfig: {upstreams: [{id: a, path: /, timeout: 5x}]}": "[0].timeout: '5x' does not match",
            "injectRequestHeaders: [{values: []}]": "$.injectRequestHeaders[0]: 'name' is a required property",
            "injectRequestHeaders: [{name: A, authEndpointOnly: true}]": "$.injectRequestHeaders[0]: Additional",
            "injectRequestHeaders: [{name: A, values: [{}]}]": "values[0]: {} is not valid under any",
            "injectRequestHeaders: [{name: A, values: [{secretSource: {value: a, fromEnv: b}}]}]": "valid under each",
            "metricsServer: {tls: {key: {fromFile: k}}}": "$.metricsServer.tls: 'cert' is a required property",
        }.items():
            self.assertIn(words, "\n".join(complaints(f"{GOOD}{line}\n")), line)
        self.assertEqual(len(complaints("{}")), 2)
