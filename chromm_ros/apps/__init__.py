"""Commands that wire the packages below into a job: demo, record, replay, reconstruct, batch."""
