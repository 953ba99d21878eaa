"""Where a turn is killed: every boundary of its steps, the middle of each, around every line of the ledger and file."""

ALL = [
    "train_model:begin",
    "training_begun:unrecorded",
    "training_begun:torn",
    "training_begun:recorded",
    "unfinished.safetensors:unrenamed",
    "train_model:middle",
    "checkpoint.safetensors:unrenamed",
    "train:unrecorded",
    "train:torn",
    "train:recorded",
    "predict_sections:begin",
    "predict_sections:middle",
    "predict:unrecorded",
    "predict:torn",
    "predict:recorded",
    "evaluate_model:begin",
    "evaluate_model:middle",
    "evaluate:unrecorded",
    "evaluate:torn",
    "evaluate:recorded",
    "gate:unrecorded",
    "gate:torn",
    "gate:recorded",
    "rank_pool:begin",
    "rank_pool:middle",
    "ranking.csv:unrenamed",
    "rank:unrecorded",
    "rank:torn",
    "rank:recorded",
    "publish_tasks:begin",
    "published:unrenamed",
    "publish_tasks:middle",
    "publish:unrecorded",
    "publish:torn",
    "publish:recorded",
    "answer_by_oracle:begin",
    "answer_by_oracle:middle",
    "ingest_submissions:begin",
    "ingest_submissions:middle",
    "labels:unrenamed",
    "section_labelled:unrecorded",
    "section_labelled:torn",
    "section_labelled:recorded",
    "ingest:unrecorded",
    "ingest:torn",
    "index.html:unrenamed",
]
"""All of them, in the order in which a turn that is killed again and again comes to them.

`STEP:begin` and `STEP:middle` lie within a step, `EVENT:unrecorded`, `:torn` and `:recorded` before, in and after the
writing of a line of the ledger, `NAME:unrenamed` before a file of that name, or one in a folder of that name, takes
its place.
"""

SHORT = [
    "train_model:middle",
    "train:torn",
    "predict_sections:middle",
    "gate:unrecorded",
    "publish_tasks:middle",
    "publish:unrecorded",
    "answer_by_oracle:middle",
    "ingest_submissions:middle",
    "section_labelled:recorded",
    "ingest:unrecorded",
]
"""What every run of the tests takes; `make chaos` takes all."""
