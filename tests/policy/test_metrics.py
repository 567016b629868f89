"""Metrics of the process that evaluates expressions."""

import pytest
from prometheus_client import CollectorRegistry

from app.policy.client import Bounds, PolicyWorker
from app.policy.expressions import Environment, EvaluationError
from app.policy.metrics import ExpressionsCollector
from app.policy.suspensions import KILLS_MAX


async def test_kills_are_counted_and_suspensions_shown() -> None:
    metrics = CollectorRegistry()
    async with PolicyWorker(Bounds(evaluation_s=0.0, start_s=60)) as worker:
        metrics.register(ExpressionsCollector(worker))

        def shown() -> tuple[float | None, float | None]:
            return (
                metrics.get_sample_value("waypost_expression_process_kills_total"),
                metrics.get_sample_value("waypost_expressions_suspended"),
            )

        assert shown() == (0, 0)
        for _ in range(KILLS_MAX):
            with pytest.raises(EvaluationError):
                await worker.evaluate(Environment.CLAIMS, ["secret"], {"claims": {}})
        assert shown() == (KILLS_MAX, 1)
