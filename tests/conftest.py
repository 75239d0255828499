"""Settings of all tests."""

import hypothesis

# A busy machine is no fault: nothing is measured in a test, bench/ does that.
hypothesis.settings.register_profile("bus", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("bus")
