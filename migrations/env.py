"""Alembic's entry: runs on the connection that ``app.store.keeping.migrations`` passes in."""

from alembic import context

from app.store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run `waypost migrate`: it knows the database")

context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
