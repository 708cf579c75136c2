//! Whether anybody else asked a server anything: if nobody did, a look at all of its databases is not needed.
//!
//! The server counts the queries that begin. What changes without a query (a push to the server, replication) it does not
//! count: so all databases are looked at now and then in any case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer_columns::needed_text;
use super::fault::QueryError;
use super::lease::Lease;
use super::pool::Pool;

/// A look at all databases is due after so many times as long as the last one took, so that it takes 1 % of a core.
const PAUSE_PER_LOOK: u32 = 100;
/// The longest time between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The queries of others: as counted by the server, less those of this program.
type OtherQueries = u64;

/// What is known of a server since the last look at its databases.
#[derive(Default)]
pub struct Activity {
    /// None where a query ran during the look, which may not have seen what it did.
    seen: Option<OtherQueries>,
    /// When the next look is due.
    due: Option<Instant>,
}

/// A look that begins.
pub struct Look {
    begun: Instant,
    seen: Option<OtherQueries>,
}

impl Activity {
    /// Whether nobody else asked anything since the last look, and the next one is not due.
    ///
    /// # Errors
    /// Errors of the connection.
    pub async fn is_quiet(&self, pool: &Arc<Pool>) -> Result<bool, QueryError> {
        if self.seen.is_none() || self.due.is_none_or(|due| due <= Instant::now()) {
            return Ok(false);
        }
        let mut lease = pool.server_lease().await?;
        let others = other_queries(&mut lease, pool).await?;
        lease.give_back();
        Ok(others.is_some() && others == self.seen)
    }

    /// To be called before a look.
    ///
    /// # Errors
    /// Errors of the connection.
    pub async fn begin(pool: &Arc<Pool>) -> Result<Look, QueryError> {
        let begun = Instant::now();
        let mut lease = pool.server_lease().await?;
        let others = other_queries(&mut lease, pool).await?;
        // In this order: a query that began before was counted, and either runs still or has done what the look sees.
        let seen = match others {
            Some(others) if runs_alone(&mut lease).await? => Some(others),
            _ => None,
        };
        lease.give_back();
        Ok(Look { begun, seen })
    }

    /// To be called after a look that found out all there is.
    pub fn end(&mut self, look: &Look) {
        let now = Instant::now();
        self.seen = look.seen;
        self.due = Some(now + (now - look.begun).saturating_mul(PAUSE_PER_LOOK).min(LONGEST_PAUSE));
    }
}

/// None where the server does not tell, or queries of this program run meanwhile.
async fn other_queries(lease: &mut Lease, pool: &Pool) -> Result<Option<OtherQueries>, QueryError> {
    let own = pool.asked() + 1;
    let rows = match lease.rows("SHOW GLOBAL STATUS LIKE 'Questions'").await {
        Err(error) if error.is_answer() => return Ok(None),
        rows => rows?,
    };
    // The server may have counted another query of ours, or not.
    if pool.asked() != own {
        return Ok(None);
    }
    let all = rows.first().map(|row| needed_text(row, 1)).transpose()?;
    Ok(all.and_then(|all| all.parse::<u64>().ok()?.checked_sub(own)))
}

/// Whether the only query that the server runs is the one that asks for that.
async fn runs_alone(lease: &mut Lease) -> Result<bool, QueryError> {
    let rows = match lease.rows("SHOW PROCESSLIST").await {
        Err(error) if error.is_answer() => return Ok(false),
        rows => rows?,
    };
    let commands = rows.iter().map(|row| needed_text(row, 4)).collect::<Result<Vec<_>, _>>()?;
    Ok(commands.iter().filter(|command| *command == "Query").count() == 1)
}
