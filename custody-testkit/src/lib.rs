//! Mocks, in-memory fakes, faulty fakes and conformance suites for the ports.
