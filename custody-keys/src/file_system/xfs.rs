use super::block_cache::BlockCache;
use crate::fields::Fields;

/// As much of XFS as finds a file by its path: inodes, small and block directories, extents.
///
/// Source: "XFS Algorithms & Data Structures", 3rd edition. Read 2026-11-28.
struct Xfs<'a> {
    cache: &'a BlockCache,
    block_bytes: u64,
    ag_blocks: u64,
    ag_block_bits: u32,
    inodes_per_block_bits: u32,
    inode_bytes: u64,
    directory_block_bytes: u64,
    root: u64,
    has_file_types: bool,
}

struct Inode {
    is_directory: bool,
    size: u64,
    fork: Fork,
}

/// Where an inode's content is.
enum Fork {
    Inside(Vec<u8>),
    Extents(Vec<Extent>),
}

struct Extent {
    at_block: u64,
    start: u64,
    blocks: u64,
}

type Outcome<T> = Result<T, String>;

const WHAT: &str = "XFS";
const MAX_EXTENTS: usize = 4096;
const MAX_DIRECTORY_BYTES: u64 = 1 << 20;

/// The length of a file, or `None` where there is no such file.
pub(super) fn length(cache: &BlockCache, path: &str) -> Outcome<Option<u64>> {
    let inode = Xfs::load(cache)?.find(path)?;
    Ok(inode.filter(|inode| !inode.is_directory).map(|inode| inode.size))
}

/// Fills `out` with the file's bytes at this place.
pub(super) fn read(cache: &BlockCache, path: &str, at: u64, out: &mut [u8]) -> Outcome<()> {
    let xfs = Xfs::load(cache)?;
    let inode = xfs.find(path)?.ok_or_else(|| format!("{path} is not there"))?;
    if at.saturating_add(out.len() as u64) > inode.size {
        return Err("the file ends before its length".to_owned());
    }
    xfs.read_inode(&inode, at, out)
}

impl<'a> Xfs<'a> {
    fn load(cache: &'a BlockCache) -> Outcome<Self> {
        let mut sector = [0; 512];
        cache.read(0, &mut sector).map_err(|absent| absent.to_string())?;
        let fields = Fields::new(WHAT, &sector);
        let load = || -> crate::Result<Self> {
            let version = fields.u16_be(100)? & 0xf;
            let bits = |at| fields.byte(at).map(u32::from);
            Ok(Self {
                cache,
                block_bytes: u64::from(fields.u32_be(4)?),
                ag_blocks: u64::from(fields.u32_be(84)?),
                ag_block_bits: bits(124)?,
                inodes_per_block_bits: bits(123)?,
                inode_bytes: u64::from(fields.u16_be(104)?),
                directory_block_bytes: u64::from(fields.u32_be(4)?) << bits(192)?.min(8),
                root: fields.u64_be(56)?,
                has_file_types: version == 5 || fields.u32_be(200)? & 0x200 != 0,
            })
        };
        let xfs = load().map_err(|error| error.to_string())?;
        let sane = sector.starts_with(b"XFSB")
            && (512..=65536).contains(&xfs.block_bytes)
            && (256..=2048).contains(&xfs.inode_bytes)
            && xfs.ag_block_bits < 32
            && xfs.inodes_per_block_bits < 16
            && xfs.ag_blocks != 0;
        sane.then_some(xfs)
            .ok_or_else(|| "the XFS superblock makes no sense".to_owned())
    }

    fn find(&self, path: &str) -> Outcome<Option<Inode>> {
        let mut inode = self.inode(self.root)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !inode.is_directory {
                return Ok(None);
            }
            let Some(number) = self.look_up(&inode, name.as_bytes())? else {
                return Ok(None);
            };
            inode = self.inode(number)?;
        }
        Ok(Some(inode))
    }

    fn read_at(&self, at: u64, length: u64) -> Outcome<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(1 << 20)];
        self.cache
            .read(at, &mut bytes)
            .map_err(|absent| absent.to_string())?;
        Ok(bytes)
    }

    /// The place of a block that is numbered by allocation group and block.
    fn place(&self, block: u64) -> u64 {
        let (group, inside) = (
            block >> self.ag_block_bits,
            block & ((1 << self.ag_block_bits) - 1),
        );
        let number = group.saturating_mul(self.ag_blocks).saturating_add(inside);
        number.saturating_mul(self.block_bytes)
    }

    fn inode(&self, number: u64) -> Outcome<Inode> {
        let block = number >> self.inodes_per_block_bits;
        let inside = number & ((1 << self.inodes_per_block_bits) - 1);
        let at = self
            .place(block)
            .saturating_add(inside.saturating_mul(self.inode_bytes));
        let bytes = self.read_at(at, self.inode_bytes)?;
        Self::parse_inode(&bytes).map_err(|error| error.to_string())?
    }

    fn parse_inode(bytes: &[u8]) -> crate::Result<Outcome<Inode>> {
        let fields = Fields::new("XFS inode", bytes);
        if fields.array(0)? != *b"IN" {
            return Ok(Err("an XFS inode is not where it should be".to_owned()));
        }
        let (mode, version, format) = (fields.u16_be(2)?, fields.byte(4)?, fields.byte(5)?);
        let size = fields.u64_be(56)?;
        let literal_at = if version >= 3 { 176 } else { 100 };
        let large_counts = version >= 3 && fields.u64_be(120)? & 0x10 != 0;
        let extents = if large_counts {
            fields.u64_be(24)?
        } else {
            u64::from(fields.u32_be(76)?)
        };
        let fork = match format {
            1 => Fork::Inside(
                fields
                    .slice(literal_at, usize::try_from(size).unwrap_or(usize::MAX))?
                    .to_vec(),
            ),
            2 => {
                let count = usize::try_from(extents).unwrap_or(usize::MAX).min(MAX_EXTENTS);
                let records = fields.slice(literal_at, count.saturating_mul(16))?;
                Fork::Extents(records.chunks_exact(16).filter_map(Extent::parse).collect())
            }
            3 => return Ok(Err("an XFS file of very many extents is not followed".to_owned())),
            other => return Ok(Err(format!("an XFS inode of format {other} is not followed"))),
        };
        Ok(Ok(Inode {
            is_directory: mode & 0xf000 == 0x4000,
            size,
            fork,
        }))
    }

    /// Fills `out` with the content at this place; holes are zeros.
    fn read_inode(&self, inode: &Inode, at: u64, out: &mut [u8]) -> Outcome<()> {
        out.fill(0);
        let end = at.saturating_add(out.len() as u64);
        let extents = match &inode.fork {
            Fork::Inside(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX);
                for (to, from) in out.iter_mut().zip(bytes.get(start..).unwrap_or_default()) {
                    *to = *from;
                }
                return Ok(());
            }
            Fork::Extents(extents) => extents,
        };
        for extent in extents {
            let start = extent.at_block.saturating_mul(self.block_bytes);
            let stop = start.saturating_add(extent.blocks.saturating_mul(self.block_bytes));
            let (from, to) = (start.max(at), stop.min(end));
            if from >= to {
                continue;
            }
            let part = out
                .get_mut(offset(from - at)..offset(to - at))
                .unwrap_or_default();
            let place = self.place(extent.start).saturating_add(from - start);
            self.cache
                .read(place, part)
                .map_err(|absent| absent.to_string())?;
        }
        Ok(())
    }

    fn look_up(&self, directory: &Inode, name: &[u8]) -> Outcome<Option<u64>> {
        match &directory.fork {
            Fork::Inside(bytes) => self
                .look_up_inside(bytes, name)
                .map_err(|error| error.to_string()),
            Fork::Extents(_) => self.look_up_blocks(directory, name),
        }
    }

    /// A directory that fits into its inode.
    fn look_up_inside(&self, bytes: &[u8], name: &[u8]) -> crate::Result<Option<u64>> {
        let fields = Fields::new("XFS directory", bytes);
        let (count, large) = (fields.byte(0)?, fields.byte(1)? != 0);
        let number_bytes = if large { 8 } else { 4 };
        let mut at = 2 + number_bytes;
        for _ in 0..count {
            let length = usize::from(fields.byte(at)?);
            let found = fields.slice(at + 3, length)?;
            let number_at = at + 3 + length + usize::from(self.has_file_types);
            let number = if large {
                fields.u64_be(number_at)?
            } else {
                u64::from(fields.u32_be(number_at)?)
            };
            if found == name {
                return Ok(Some(number));
            }
            at = number_at + number_bytes;
        }
        Ok(None)
    }

    /// A directory of blocks of entries; its index is not needed.
    fn look_up_blocks(&self, directory: &Inode, name: &[u8]) -> Outcome<Option<u64>> {
        let size = directory.size.min(MAX_DIRECTORY_BYTES);
        let mut at = 0;
        while at < size {
            let mut block = vec![
                0;
                usize::try_from(self.directory_block_bytes)
                    .unwrap_or(usize::MAX)
                    .min(1 << 20)
            ];
            self.read_inode(directory, at, &mut block)?;
            let found = self.look_up_block(&block, name);
            if let Some(number) = found.map_err(|error| error.to_string())? {
                return Ok(Some(number));
            }
            at = at.saturating_add(self.directory_block_bytes);
        }
        if size < directory.size {
            return Err("an XFS directory of more than 1 MiB is not searched".to_owned());
        }
        Ok(None)
    }

    fn look_up_block(&self, block: &[u8], name: &[u8]) -> crate::Result<Option<u64>> {
        let fields = Fields::new("XFS directory block", block);
        let (mut at, index_follows) = match &fields.array(0)? {
            b"XD2B" => (16, true),
            b"XDB3" => (64, true),
            b"XD2D" => (16, false),
            b"XDD3" => (64, false),
            _ => return Ok(None),
        };
        let mut end = block.len();
        if index_follows {
            let leaves = fields.u32_be(end.saturating_sub(8))? as usize;
            end = end.saturating_sub(8).saturating_sub(leaves.saturating_mul(8));
        }
        while at + 11 <= end {
            if fields.u16_be(at)? == 0xffff {
                let unused = usize::from(fields.u16_be(at + 2)?);
                if unused == 0 {
                    break;
                }
                at += unused;
                continue;
            }
            let length = usize::from(fields.byte(at + 8)?);
            if fields.slice(at + 9, length)? == name {
                return Ok(Some(fields.u64_be(at)?));
            }
            at += (8 + 1 + length + usize::from(self.has_file_types) + 2).next_multiple_of(8);
        }
        Ok(None)
    }
}

/// A place in a buffer; one that no buffer has is none.
fn offset(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl Extent {
    /// One bit, whether it is only reserved; 54 bits of place in the file, 52 of place on the volume, 21 of length.
    fn parse(record: &[u8]) -> Option<Self> {
        let bits = u128::from_be_bytes(record.try_into().ok()?);
        let field = |shift: u32, width: u32| u64::try_from(bits >> shift & ((1 << width) - 1)).ok();
        let reserved = bits >> 127 != 0;
        if reserved {
            return None;
        }
        Some(Self {
            at_block: field(73, 54)?,
            start: field(21, 52)?,
            blocks: field(0, 21)?,
        })
    }
}
