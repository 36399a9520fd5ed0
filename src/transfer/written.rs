//! Records as files: first spooled, while the longest of their lists are counted, and then written
//! with as many columns as these need.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
};

use ndp_core::{error::Error, messages::Rule};
use prost_reflect::{DynamicMessage, SerializeOptions, prost::Message as _};

use super::{
    COLUMNS_MAX,
    columns::{self, Column, Language},
    kinds::Kind,
    record, values, workbook,
};

/// Records that wait to be written.
#[derive(Debug)]
pub struct Spool {
    kind: &'static Kind,
    file: File,
    count: usize,
    /// The longest of the lists at each path.
    lists: BTreeMap<String, usize>,
}

fn failed(error: &io::Error) -> Error {
    Error::Bug(format!("writing an export: {error}").into())
}

impl Spool {
    /// Nothing yet.
    pub fn new(kind: &'static Kind) -> Result<Self, Error> {
        let lists = columns::lists(kind).into_iter().map(|path| (path, 0));
        Ok(Self {
            kind,
            file: tempfile::tempfile().map_err(|error| failed(&error))?,
            count: 0,
            lists: lists.collect(),
        })
    }

    /// Adds records.
    pub fn add(&mut self, records: Vec<DynamicMessage>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for mut record in records {
            record::settled(&mut record);
            for (path, longest) in &mut self.lists {
                *longest = record::longest(&record, path).max(*longest);
            }
            // a Vec takes as much as it is given
            let _ = record.encode_length_delimited(&mut bytes);
            self.count += 1;
        }
        self.file.write_all(&bytes).map_err(|error| failed(&error))
    }

    /// How many records there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The columns that these records need.
    fn columns(&self) -> Result<Vec<Column>, Error> {
        let elements = |path: &str| {
            let lists = self.lists.get(&columns::without_elements(path));
            lists.copied().unwrap_or_default()
        };
        let wide: usize = self.lists.values().sum();
        let most = COLUMNS_MAX;
        let too_many = || Error::invalid("format", Rule::TooManyColumns { most });
        if wide > most {
            return Err(too_many());
        }
        let columns = columns::columns(self.kind, &elements);
        match columns.len() > most {
            true => Err(too_many()),
            false => Ok(columns),
        }
    }

    /// Calls `each` with every record.
    fn each(
        &mut self,
        mut each: impl FnMut(&DynamicMessage) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let rewound = self.file.seek(SeekFrom::Start(0));
        rewound.map_err(|error| failed(&error))?;
        let mut reader = BufReader::new(&mut self.file);
        for _ in 0..self.count {
            let mut length = 0_usize;
            for shift in 0..10 {
                let mut byte = [0];
                reader
                    .read_exact(&mut byte)
                    .map_err(|error| failed(&error))?;
                length |= usize::from(byte[0] & 0x7f) << (7 * shift);
                if byte[0] < 0x80 {
                    break;
                }
            }
            let mut bytes = vec![0; length];
            reader
                .read_exact(&mut bytes)
                .map_err(|error| failed(&error))?;
            let record = DynamicMessage::decode(self.kind.message.clone(), &*bytes);
            each(&record.map_err(|error| Error::Bug(error.to_string().into()))?)?;
        }
        Ok(())
    }

    /// Writes the records as CSV, in pieces.
    pub fn csv(
        mut self,
        language: Language,
        mut out: impl FnMut(Vec<u8>) -> bool,
    ) -> Result<(), Error> {
        let columns = self.columns()?;
        let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
        let bug = |error: csv::Error| Error::Bug(error.to_string().into());
        let headers = columns.iter().map(|it| it.header(language));
        writer.write_record(headers).map_err(bug)?;
        let mut stopped = false;
        self.each(|record| {
            let cells = columns.iter().map(|column| {
                let value = record::get(record, &column.steps);
                values::write(value.as_ref(), column, language).shown_written()
            });
            writer.write_record(cells).map_err(bug)?;
            if writer.get_ref().len() >= PIECE && !stopped {
                let full = std::mem::replace(&mut writer, csv::Writer::from_writer(Vec::new()));
                stopped = !out(inner(full)?);
            }
            Ok(())
        })?;
        out(inner(writer)?);
        Ok(())
    }

    /// Writes the records as JSON Lines, in pieces.
    pub fn json_lines(mut self, mut out: impl FnMut(Vec<u8>) -> bool) -> Result<(), Error> {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let mut bytes = Vec::new();
        let mut stopped = false;
        self.each(|record| {
            let mut serializer = serde_json::Serializer::new(&mut bytes);
            let written = record.serialize_with_options(&mut serializer, &options);
            written.map_err(|error| Error::Bug(error.to_string().into()))?;
            bytes.push(b'\n');
            if bytes.len() >= PIECE && !stopped {
                stopped = !out(std::mem::take(&mut bytes));
            }
            Ok(())
        })?;
        out(bytes);
        Ok(())
    }

    /// Writes the records as a workbook.
    pub fn workbook(mut self, language: Language) -> Result<Vec<u8>, Error> {
        let columns = self.columns()?;
        let mut writer = workbook::Writer::new(self.kind, columns, language)?;
        self.each(|record| writer.record(record))?;
        writer.finish()
    }
}

/// Bytes that are given on together.
const PIECE: usize = 256 * 1024;

fn inner(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, Error> {
    let inner = writer.into_inner();
    inner.map_err(|error| Error::Bug(error.to_string().into()))
}
