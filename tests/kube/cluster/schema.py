"""Documents against a strict JSON schema of Kubernetes' kinds."""

import jsonschema

# Kinds that the schema of Kubernetes' own kinds does not know.
WITHOUT_SCHEMA = {"cert-manager.io/v1/Certificate", "cert-manager.io/v1/Issuer",
                  "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy",
                  "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicyBinding"}


def errors(schema, document):
    kind = f"{document['apiVersion']}/{document['kind']}"
    if kind in WITHOUT_SCHEMA:
        return []
    rules = {"$ref": f"#/definitions/{schema['roots'][kind]}", "definitions": schema["definitions"]}
    return [f"{kind}: {error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(rules).iter_errors(document)]
