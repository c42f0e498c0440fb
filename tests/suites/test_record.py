from __future__ import annotations

import json

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from bench.fingerprint import begin_session, read_machine
from suites.fingerprint import Environment
from suites.plan import Plan
from suites.record import Record, Status
from suites.suite import Suite
from suites.suite_file import builtin_suites, load_suite
from tests.suites.builders import make_plan, make_record, planned_cell


def _valid(form: type[BaseModel], content: BaseModel) -> bool:
    """By a validator that none of us wrote, against the schema as it is exported."""
    schema = json.loads(json.dumps(form.model_json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return not list(validator.iter_errors(json.loads(content.model_dump_json())))


def test_what_is_stored_fits_the_exported_schemas() -> None:
    assert _valid(Plan, make_plan())
    for status in Status:
        assert _valid(Record, make_record(planned_cell("a"), status))
    machine = read_machine()
    assert _valid(Environment, Environment(machines={machine.id: machine}, sessions=[begin_session(machine)]))
    for name in builtin_suites():
        assert _valid(Suite, load_suite(name).suite)


def test_every_stored_field_is_documented() -> None:
    for form in (Record, Plan, Environment, Suite):
        schema = form.model_json_schema()
        for name, definition in {form.__name__: schema, **schema["$defs"]}.items():
            for field, about in definition.get("properties", {}).items():
                documented = "description" in about or field == "kind"
                assert documented, f"{name}.{field}"


def test_a_record_survives_storage() -> None:
    record = make_record(planned_cell("a"))
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_a_record_that_contradicts_itself_is_refused() -> None:
    stored = json.loads(make_record(planned_cell("a")).model_dump_json())
    for change, message in (
        ({"identity": "0" * 16}, "does not belong to its cell"),
        ({"status": "oom"}, "a reason exactly where"),
        ({"reason": "because"}, "a reason exactly where"),
        ({"surprise": 1}, "Extra inputs"),
    ):
        with pytest.raises(ValidationError, match=message):
            Record.model_validate({**stored, **change})
