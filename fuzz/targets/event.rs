//! An event, as the bytes that Lambda hands on.
#![no_main]

use fuzz::{Table, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    Table::with(|table| {
        if let Some(answer) = table.send(&table.handler(), data) {
            assert!(answer.status < 500, "{answer:?}");
        }
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::lines(data, size, most, seed)
});
