"""What inputs, outputs and nodes share: conventions, parameters, QoS, transforms."""
