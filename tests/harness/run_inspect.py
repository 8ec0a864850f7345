"""Run by the harness environment's Python: one Inspect evaluation of a local model on questions of
a JSONL file. Not a test itself.

Usage: run_inspect.py MODEL_FOLDER MODEL_NAME QUESTIONS LOG_FOLDER TASK
"""

import sys

import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import exact
from inspect_ai.solver import generate

folder, name, questions, logs, task_name = sys.argv[1:]
task = Task(
    name=task_name,
    dataset=json_dataset(questions, FieldSpec(input="prompt", target="target", id="id")),
    solver=generate(),
    scorer=exact(),
)
model = get_model(
    f"hf/{name}",
    model_path=folder,
    device="cpu",
    do_sample=False,
    # the ladder has no roles: the question stands alone
    chat_template="{{ messages[0]['content'] }}",
    config=GenerateConfig(max_tokens=24, max_connections=16),
)
log = inspect_ai.eval(task, model=model, log_dir=logs, display="none")[0]
sys.exit(log.status != "success")
