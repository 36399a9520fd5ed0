//! When each API key was last used, to the hour. Outside the log.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;

use super::{
    Store,
    bulk::BINDS_MAX,
    engine::{Link, answered, on_engine, reading},
    errors::Failure,
};
use ndp_core::{error::Error, names::ApiKeyName};

impl Store {
    /// The hours since 1970 in which these keys were last used, by name. A key that never was is
    /// left out.
    pub async fn key_uses(&self, names: &[ApiKeyName]) -> Result<BTreeMap<String, i64>, Error> {
        let mut uses = BTreeMap::new();
        for names in names.chunks(BINDS_MAX) {
            let rows = reading!(self.engine, link => rows_of(link, names));
            uses.extend(self.outages.during(rows, "reading the uses of keys")?);
        }
        Ok(uses)
    }

    /// Writes the hours in which keys were last used. A later one that is written already stays.
    pub async fn write_key_uses(&self, uses: &[(&str, i64)]) -> Result<(), Error> {
        // in one order, so that two processes do not wait for each other
        let mut uses = uses.to_vec();
        uses.sort_unstable();
        let written = async {
            let mut own = None;
            let mut tx = self.begin_beside(&mut own).await?;
            for uses in uses.chunks(BINDS_MAX / 2) {
                answered(write(tx.link(), uses)).await?;
            }
            tx.commit().await?;
            Ok::<_, Failure>(())
        };
        self.outages
            .during(written.await, "writing the uses of keys")
    }
}

async fn rows_of(
    mut link: Link<'_>,
    names: &[ApiKeyName],
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let mut statement =
            QueryBuilder::new("SELECT api_key, use_hour FROM api_key_uses WHERE api_key IN (");
        let mut list = statement.separated(", ");
        for name in names {
            list.push_bind(name.as_str());
        }
        statement.push(")");
        statement.build_query_as().fetch_all(&mut **connection).await
    })
}

async fn write(mut link: Link<'_>, uses: &[(&str, i64)]) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let mut statement = QueryBuilder::new("INSERT INTO api_key_uses (api_key, use_hour) ");
        statement.push_values(uses, |mut row, (name, hour)| {
            row.push_bind(*name).push_bind(*hour);
        });
        statement.push(
            " ON CONFLICT (api_key) DO UPDATE SET use_hour = excluded.use_hour \
             WHERE excluded.use_hour > api_key_uses.use_hour",
        );
        statement.build().execute(&mut **connection).await.map(|_| ())
    })
}
