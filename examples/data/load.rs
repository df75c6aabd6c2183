//! A file into a table, a conditional put a line.
//!
//! What is already there stays as it is, so a second run goes on where the first has ended, and
//! needs no record of how far that was.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use aws_sdk_dynamodb::{
    Client, error::ProvideErrorMetadata as _, operation::put_item::PutItemError,
    types::ReturnValuesOnConditionCheckFailure,
};
use local::CommandError;
use sha2::{Digest as _, Sha256};
use tokio::task::{JoinError, JoinSet};
use update_organization_option::rules::OptionRules;

use crate::line::{Entry, LineError};

/// Puts that are on their way at a time.
const CONCURRENCY: usize = 16;

/// The longest line: ten times what an item holds, as JSON may write a character in six.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// Refusals that are kept to be shown; the others are only counted.
const MAX_REFUSALS: usize = 20;

/// How far a file is.
#[derive(Default)]
pub(crate) struct Report {
    /// Lines whose item was put.
    loaded: u64,
    /// Lines whose item was there already, changed since or not.
    skipped: u64,
    /// Lines that were not.
    pub(crate) refused: u64,
    /// The first of them by number, from 1, and why.
    pub(crate) refusals: BTreeMap<u64, String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loaded, skipped, refused, .. } = self;
        write!(f, "{loaded} loaded, {skipped} already there, {refused} refused")
    }
}

impl Report {
    fn refuse(&mut self, line: u64, why: impl fmt::Display) {
        self.refused += 1;
        self.refusals.insert(line, why.to_string());
        if self.refusals.len() > MAX_REFUSALS {
            self.refusals.pop_last();
        }
    }
}

/// What has become of a line's item.
enum Put {
    Loaded,
    Skipped,
    Refused(String),
}

/// Loads the lines of `file` into `table`, but for options that break `rules`; `progress` is told, time and again, how far it is and
/// how many bytes of the file were read.
///
/// In memory are the lines that are on their way, and 16 bytes of each key.
///
/// # Errors
///
/// The file cannot be read, or the table not be written. Other lines may have been loaded.
pub(crate) async fn load(
    client: &Client,
    table: &str,
    file: &Path,
    rules: &OptionRules,
    progress: impl Fn(&Report, u64),
) -> Result<Report, CommandError> {
    let unreadable = |error: io::Error| CommandError::of(file.display(), error);
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut report = Report::default();
    let mut keys = HashSet::new();
    let mut puts = JoinSet::new();
    let (mut line, mut bytes) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let read = read_line(&mut reader, &mut line).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        bytes += read;
        match entry(&line, read, number, rules, &mut keys) {
            Ok(Some(entry)) => {
                if puts.len() == CONCURRENCY {
                    count(&mut report, puts.join_next().await)?;
                }
                let (client, table) = (client.clone(), table.to_owned());
                puts.spawn(async move { (number, put(&client, table, entry).await) });
            }
            Ok(None) => {}
            Err(why) => report.refuse(number, why),
        }
        progress(&report, bytes);
    }
    while let Some(done) = puts.join_next().await {
        count(&mut report, Some(done))?;
        progress(&report, bytes);
    }
    Ok(report)
}

/// Reads a line, of a longer one no more than [`MAX_LINE_BYTES`], and returns its length.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    let mut read = reader.take(MAX_LINE_BYTES + 1).read_until(b'\n', line)? as u64;
    if read > MAX_LINE_BYTES && line.last() != Some(&b'\n') {
        read += reader.skip_until(b'\n')? as u64;
    }
    Ok(read)
}

/// The entry of a line that is not blank, and not of a key in `keys`.
fn entry(
    line: &[u8],
    read: u64,
    number: u64,
    rules: &OptionRules,
    keys: &mut HashSet<[u8; 16]>,
) -> Result<Option<Entry>, String> {
    if read > MAX_LINE_BYTES {
        return Err(format!("expected at most {MAX_LINE_BYTES} bytes, but found {read}"));
    }
    // RFC 8259 8.1 lets a parser ignore a byte order mark, which some programs write.
    let line = line.strip_prefix("\u{feff}".as_bytes()).filter(|_| number == 1).unwrap_or(line);
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let entry = Entry::parse(line, rules).map_err(|error: LineError| error.to_string())?;
    // Puts overtake each other: which of two lines of a key were loaded would be chance.
    let digest = Sha256::new().chain_update(&entry.pk).chain_update([0]).chain_update(&entry.sk);
    let mut key = [0; 16];
    key.copy_from_slice(&digest.finalize()[..16]);
    if keys.insert(key) {
        Ok(Some(entry))
    } else {
        Err("an earlier line has this option or alias".into())
    }
}

type Done = Result<(u64, Result<Put, CommandError>), JoinError>;

fn count(report: &mut Report, done: Option<Done>) -> Result<(), CommandError> {
    let Some(done) = done else { return Ok(()) };
    let (number, put) = done.map_err(|error| CommandError::of("put", error))?;
    let put = put.map_err(|why| {
        let loaded = match (report.loaded, report.skipped) {
            (0, 0) => "nothing was loaded".to_owned(),
            _ => format!("{report} before that, run it again to go on"),
        };
        CommandError::of(format!("line {number}"), format!("{why}; {loaded}"))
    })?;
    match put {
        Put::Loaded => report.loaded += 1,
        Put::Skipped => report.skipped += 1,
        Put::Refused(why) => report.refuse(number, why),
    }
    Ok(())
}

async fn put(client: &Client, table: String, entry: Entry) -> Result<Put, CommandError> {
    let owner = entry.alias_owner().cloned();
    let request = client
        .put_item()
        .table_name(&table)
        .set_item(Some(entry.into_item()))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = request.send().await else { return Ok(Put::Loaded) };
    if let Some(PutItemError::ConditionalCheckFailedException(there)) = error.as_service_error() {
        // A client changes an option, but no client gives an alias away.
        let other =
            owner.is_some() && there.item().and_then(|item| item.get("orgGuid")) != owner.as_ref();
        return Ok(if other {
            Put::Refused("the alias is another organization's".into())
        } else {
            Put::Skipped
        });
    }
    match error.code() {
        // It is this item that DynamoDB does not take, and not the table that cannot be written.
        Some("ValidationException" | "SerializationException") => {
            Ok(Put::Refused(error.message().unwrap_or("DynamoDB does not take it").to_owned()))
        }
        _ => Err(CommandError::of_table(&table, &error)),
    }
}
