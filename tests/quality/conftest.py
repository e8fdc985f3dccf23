from tests.warehouse.databases import duck, lite, postgres, warehouse

__all__ = ["duck", "lite", "postgres", "warehouse"]
