"""The project and its warehouse, as steps and sensors get them."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import ConfigurableResource, get_dagster_logger
from pydantic import Field

from pipelines import Project


class Warehouse(ConfigurableResource):  # type: ignore[type-arg]  # its type parameter is never given
    """A project's warehouse. Its files are read anew each time, so a run uses the definitions as they are then."""

    project_dir: str = Field(description="Folder of the project.")

    def open(self, wait: float | None = None) -> Project:
        """The project; each of its calls opens the warehouse and closes it again (see `Project.open` for ``wait``)."""
        return Project.open(self.project_dir, notify=get_dagster_logger().info, wait=wait)

    @contextmanager
    def session(self) -> Iterator[Project]:
        """The project with its warehouse kept open for several calls, and closed whatever happens in them."""
        project = self.open()
        with project.session():
            yield project
