//! TensorBoard event files: scalars only. The format is TFRecord framing (length, masked CRC-32C, data, masked CRC-32C)
//! around `tensorflow.Event` messages, of which three fields and one nested message are needed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Appends scalars to an event file.
#[derive(Debug)]
pub(super) struct EventWriter {
    file: File,
}

impl EventWriter {
    /// Starts a new event file in `folder`.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let now = now();
        let name = format!("events.out.tfevents.{:010}.{}.impasto", now as u64, std::process::id());
        let mut writer = Self { file: File::create(folder.join(name))? };
        let mut event = Vec::new();
        double(&mut event, 1, now);
        bytes(&mut event, 3, b"brain.Event:2");
        writer.record(&event)?;
        Ok(writer)
    }

    /// Writes named values of one step.
    pub(super) fn scalars<'a>(&mut self, step: u64, values: impl Iterator<Item = (&'a str, f32)>) -> io::Result<()> {
        let mut summary = Vec::new();
        for (name, value) in values {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, name.as_bytes());
            key(&mut entry, 2, 5);
            entry.extend(value.to_le_bytes());
            bytes(&mut summary, 1, &entry);
        }
        let mut event = Vec::new();
        double(&mut event, 1, now());
        key(&mut event, 2, 0);
        varint(&mut event, step);
        bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    fn record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut frame = Vec::with_capacity(data.len() + 16);
        frame.extend(length);
        frame.extend(masked_crc(&length).to_le_bytes());
        frame.extend(data);
        frame.extend(masked_crc(data).to_le_bytes());
        self.file.write_all(&frame)
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, field << 3 | wire_type);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// CRC-32C (Castagnoli), rotated and offset as TFRecord wants it.
fn masked_crc(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value of CRC-32C for the digits 1 to 9 is e3069283.
        assert_eq!(masked_crc(b"123456789"), 0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8));
    }

    #[test]
    fn frames_and_messages_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        writer.scalars(300, [("loss/style", 0.25f32)].into_iter()).unwrap();
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let data = std::fs::read(path).unwrap();
        let mut rest = &data[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let crc = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            assert_eq!(crc(8), masked_crc(&rest[..8]));
            assert_eq!(crc(12 + length), masked_crc(&rest[12..12 + length]));
            records.push(&rest[12..12 + length]);
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 2);
        let event = records[1];
        // Field 2 (step, varint 300), field 5 (summary) > field 1 (value) > tag and simple_value.
        assert_eq!(event[9..12], [2 << 3, 0xac, 0x02]);
        let summary = &event[12..];
        assert_eq!(summary[..2], [5 << 3 | 2, 19]);
        assert_eq!(summary[2..6], [1 << 3 | 2, 17, 1 << 3 | 2, 10]);
        assert_eq!(&summary[6..16], b"loss/style");
        assert_eq!(summary[16..], [&[2 << 3 | 5][..], &0.25f32.to_le_bytes()].concat());
    }
}
