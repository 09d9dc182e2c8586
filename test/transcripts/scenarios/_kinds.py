# Definitions of kinds for several scenarios.
def widget(group, **more):
    """Widgets with every feature that a definition has."""
    schema = {"type": "object", "required": ["spec"], "properties": {
        "spec": {"type": "object", "required": ["size"], "description": "Wanted.", "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How big."},
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "name": {"type": "string", "maxLength": 5, "minLength": 2, "pattern": "^[a-z]+$"},
            "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0, "multipleOf": 0.5},
            "flag": {"type": "boolean"},
            "when": {"type": "string", "format": "date-time"},
            "port": {"x-kubernetes-int-or-string": True},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "minItems": 1, "x-kubernetes-list-type": "set"},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"], "items": {
                "type": "object", "required": ["port", "protocol"], "properties": {
                    "port": {"type": "integer", "format": "int32"}, "protocol": {"type": "string", "default": "TCP"}, "note": {"type": "string"}}}},
            "plain": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer", "default": 7}}}},
            "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": {"type": "string"}, "y": {"type": "string"}}},
            "map": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}, "maxProperties": 2},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "nullable": {"type": "string", "nullable": True},
            "child": {"type": "object", "default": {}, "properties": {"depth": {"type": "integer", "default": 1}}},
            "one": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "not": {"type": "string", "not": {"enum": ["never"]}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}}},
        "status": {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"},
            "conditions": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "status": {"type": "string"}, "at": {"type": "string", "format": "date-time"}}}}}}}}
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "How big."},
               {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
               {"name": "Since", "type": "date", "jsonPath": ".spec.when", "priority": 1},
               {"name": "Ratio", "type": "number", "jsonPath": ".spec.ratio", "format": "float"},
               {"name": "Flag", "type": "boolean", "jsonPath": ".spec.flag"},
               {"name": "Tags", "type": "string", "jsonPath": ".spec.tags"},
               {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "additionalPrinterColumns": columns,
               "selectableFields": [{"jsonPath": ".spec.color"}],
               "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.selector"}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets." + group},
            "spec": dict({"group": group, "scope": "Namespaced", "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"], "categories": ["all"]}, "versions": [version]}, **more)}

def simple(group, plural, kind, schema=None, scope="Namespaced", **version):
    """A kind with one version and nothing special."""
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": plural + "." + group},
            "spec": {"group": group, "scope": scope, "names": {"plural": plural, "kind": kind},
                     "versions": [dict({"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}, **version)]}}
