"""Sending committed orders and hearing how they end: what every use case that trades does."""

from __future__ import annotations

from collections.abc import Callable

from mvx.domain.order import Order
from mvx.engine.desk import Desk
from mvx.engine.listen import listening
from mvx.engine.reconcile import VenuePass
from mvx.engine.settle import answered, settle
from mvx.engine.submit import dispatch


async def execute(
    desk: Desk,
    children: tuple[Order, ...],
    *,
    done: Callable[[Order], bool] = answered,
    stopping: Callable[[], bool] = lambda: False,
) -> list[VenuePass]:
    """Send the children, listen to what their venues push, and reconcile until each is done or its venue
    had its declared time. Those that were revoked before are left as they are. Returns the passes."""
    async with listening(desk, (child.venue for child in children)):
        begun = await dispatch(desk, children)
        return await settle(desk, [child.cl_ord_id for child in begun], done=done, stopping=stopping)
