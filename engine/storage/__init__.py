"""SQLAlchemy tables, queries, the unit of work and the migrations."""
