//! The tests of `json-patch-dynamodb` that need another implementation, an engine, or the function. They are
//! not in its own package, so that its unit tests need nothing but itself.
