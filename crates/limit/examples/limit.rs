//! Measures deployed programs side by side: CPU time per invocation, time from event to answer, start and
//! memory.
//!
//! Each program is a process on a core of its own. On another core this one plays Lambda's runtime API and
//! DynamoDB. The programs take turns in random order, so that what else the machine does hits them alike:
//! look at the ratios.
#![expect(clippy::print_stdout, reason = "a measurement")]

use std::{fs, path::PathBuf, time::Duration};

use clap::Parser;
use limit::{Program, on_core};

/// Compares programs that Lambda would run as `bootstrap`.
#[derive(Parser)]
struct Options {
    /// How often each program has its turn
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// How many invocations a turn has
    #[arg(long, default_value_t = 250)]
    invocations: usize,
    /// How long DynamoDB takes for an answer
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// How often the start of each program is measured
    #[arg(long, default_value_t = 30)]
    starts: usize,
    /// The programs, as NAME=FILE. Ratios are to the first.
    #[arg(required = true, value_parser = named)]
    programs: Vec<(String, PathBuf)>,
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE")?;
    let file = fs::canonicalize(file).map_err(|error| format!("{file}: {error}"))?;
    Ok((name.to_owned(), file))
}

/// Of no figures there is none.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What was measured of one program, a figure a turn or a start.
#[derive(Default)]
struct Figures {
    init: Vec<f64>,
    cpu: Vec<f64>,
    latency: Vec<f64>,
    memory: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Options { rounds, invocations, delay_ms, starts, programs } = Options::parse();
    on_core(0);
    let delay = Duration::from_millis(delay_ms);
    let mut figures: Vec<Figures> = programs.iter().map(|_| Figures::default()).collect();
    let mut order: Vec<usize> = (0..programs.len()).collect();
    for _ in 0..starts {
        fastrand::shuffle(&mut order);
        for &each in &order {
            let program = Program::start(&programs[each].1, delay).await;
            figures[each].init.push(program.init.as_secs_f64() * 1e3);
        }
    }
    let mut running = Vec::new();
    for (_, file) in &programs {
        let mut program = Program::start(file, delay).await;
        for _ in 0..invocations {
            program.invoke().await;
        }
        running.push(program);
    }
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &each in &order {
            let before = running[each].cpu();
            let mut latencies = Vec::new();
            for _ in 0..invocations {
                latencies.push(running[each].invoke().await.as_secs_f64() * 1e3);
            }
            let cpu = running[each].cpu().saturating_sub(before);
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            figures[each].cpu.push(cpu.as_secs_f64() * 1e6 / invocations as f64);
            figures[each].latency.push(median(latencies));
        }
    }
    for (figures, program) in figures.iter_mut().zip(&running) {
        figures.memory = program.memory();
    }
    drop(running);

    println!(
        "{rounds} turns of {invocations} invocations, {starts} starts; DynamoDB takes {delay_ms} ms"
    );
    println!(
        "| | CPU, µs | ratio | p50, ms | ratio | init, ms | ratio | peak memory, KiB | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    // A turn is compared with the turn of the same round.
    let ratio = |of: fn(&Figures) -> &Vec<f64>, each: &Figures| {
        let pairs = of(each).iter().zip(of(&figures[0]));
        median(pairs.map(|(figure, first)| figure / first).collect())
    };
    for ((name, _), each) in programs.iter().zip(&figures) {
        println!(
            "| {name} | {:.1} | {:.3} | {:.3} | {:.3} | {:.2} | {:.3} | {:.0} | {:.3} |",
            median(each.cpu.clone()),
            ratio(|of| &of.cpu, each),
            median(each.latency.clone()),
            ratio(|of| &of.latency, each),
            median(each.init.clone()),
            ratio(|of| &of.init, each),
            each.memory,
            each.memory / figures[0].memory
        );
    }
}
