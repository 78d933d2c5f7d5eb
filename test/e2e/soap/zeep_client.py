"""Calls operations by the served WSDL, as a program with python3-zeep does.

Argument: the address of the WSDL. Standard input: a JSON list of calls, each with "operation" and either
"attributes" (name and value of each) with "set" (the name of their element) or "arguments". Standard output:
a JSON list with one answer, or the fault, for each.
"""

import json
import sys

import zeep
import zeep.exceptions
import zeep.helpers


def arguments_of(call):
    if "arguments" in call:
        return call["arguments"]
    attributes = [
        {"value": value, "attributeID": name} for name, value in call["attributes"].items()
    ]
    return {call["set"]: {"attributes": attributes}}


def answer_of(client, call):
    try:
        answer = client.service[call["operation"]](**arguments_of(call))
    except zeep.exceptions.Fault as fault:
        return {"fault": fault.code, "text": fault.message}
    return zeep.helpers.serialize_object(answer, dict)


client = zeep.Client(sys.argv[1])
print(json.dumps([answer_of(client, call) for call in json.load(sys.stdin)], default=str))
