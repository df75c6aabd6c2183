//! An embedded DynamoDB: the engine dynoxide, in this process.

use std::{
    fmt::Display,
    fs::{File, TryLockError},
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
};

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{CommandError, proxy, sample};

/// 127.0.0.0, whose last 24 bits are free.
const LOOPBACK: u32 = 127 << 24;

/// Starts an embedded DynamoDB, empty and in memory, at a free port. Returns its address.
///
/// # Errors
///
/// There is no port for it, or no memory.
pub async fn start() -> Result<String, CommandError> {
    run(listen(Ipv4Addr::LOCALHOST).await?, Database::in_memory()?)
}

/// Starts an embedded DynamoDB on `database`. It is reached through `listener`, and the sample's failing
/// options fail there. Returns its address.
///
/// # Errors
///
/// There is no port for it.
pub async fn serve(listener: TcpListener, database: Database) -> Result<String, CommandError> {
    // The engine lets pages of any origin in; at an address that none can guess none finds it.
    let hidden = Ipv4Addr::from(LOOPBACK | fastrand::u32(..1 << 24));
    let engine = match listen(hidden).await {
        Ok(engine) => engine,
        // Not every system has more than one address of its own.
        Err(_) => listen(Ipv4Addr::LOCALHOST).await?,
    };
    let inner = run(engine, database)?;
    let mut outer = listener.local_addr().map_err(|error| CommandError::of("port", error))?;
    if outer.ip().is_unspecified() {
        outer.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    tokio::spawn(proxy::serve(listener, inner, Arc::new(sample::fault), TaskTracker::new()));
    Ok(format!("http://{outer}"))
}

/// What an embedded DynamoDB keeps its tables in.
pub struct Database {
    tables: dynoxide::Database,
    /// Held for as long as the database is open.
    lock: Option<File>,
}

impl Database {
    /// An empty database, which is gone with the process.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn in_memory() -> Result<Self, CommandError> {
        let tables = dynoxide::Database::memory();
        let tables = tables.map_err(|error| CommandError::of("memory", error))?;
        Ok(Self { tables, lock: None })
    }

    /// The database in `file`, which is made where it does not exist.
    ///
    /// # Errors
    ///
    /// Another process has the file open, or it is no such database.
    pub fn in_file(file: &Path) -> Result<Self, CommandError> {
        let lock = Some(hold(file)?);
        let why = "expected a database of this command, or no file yet";
        let tables = dynoxide::Database::new(&file.display().to_string());
        let tables = tables.map_err(|_| CommandError::of(file.display(), why))?;
        Ok(Self { tables, lock })
    }
}

/// Keeps other processes from opening the database in `file`: of two engines on one file each loses
/// what the other writes. The lock is beside it, as `SQLite` has locks of its own on the file.
fn hold(file: &Path) -> Result<File, CommandError> {
    let mut name = file.as_os_str().to_owned();
    name.push("-lock");
    let failed = |error: &dyn Display| CommandError::of(file.display(), error);
    let lock = File::create(&name).map_err(|error| failed(&error))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            failed(&"another process has it open; stop that one, or take another file")
        }
        TryLockError::Error(error) => failed(&error),
    })?;
    Ok(lock)
}

/// Lets the engine serve `listener` in the background. Returns its address.
fn run(listener: TcpListener, database: Database) -> Result<String, CommandError> {
    let address = listener.local_addr().map_err(|error| CommandError::of("engine", error))?;
    let Database { tables, lock } = database;
    tokio::spawn(async move {
        dynoxide::server::serve_on(listener, tables).await;
        drop(lock);
    });
    Ok(format!("http://{address}"))
}

async fn listen(address: Ipv4Addr) -> Result<TcpListener, CommandError> {
    let bound = TcpListener::bind((address, 0)).await;
    bound.map_err(|error| CommandError::of(format!("{address}:0"), error))
}
