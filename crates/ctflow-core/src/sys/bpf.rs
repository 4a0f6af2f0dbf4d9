//! eBPF, as little of it as a filter of a socket with a few counters takes: bpf(2), linux/bpf.h.

use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicU64;

/// A command of bpf(2) with its part of union bpf_attr; the kernel takes what is not given as zeros.
fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<OwnedFd> {
    // SAFETY: the attributes live over the call and are given with their size; pointers in them are the caller's care.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            (&raw mut *attributes).cast::<libc::c_void>(),
            size_of_val(attributes),
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both commands used here return a new descriptor, which has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// Numbers that a program in the kernel and this process both read and write: an array map of one element, mapped.
#[derive(Debug)]
pub(crate) struct SharedNumbers<const N: usize> {
    map: OwnedFd,
    numbers: NonNull<[AtomicU64; N]>,
}

// SAFETY: the memory is of this value alone until it is dropped, and is read and written by atomic operations.
unsafe impl<const N: usize> Send for SharedNumbers<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for SharedNumbers<N> {}

impl<const N: usize> SharedNumbers<N> {
    /// All zeros.
    pub(crate) fn new() -> io::Result<Self> {
        const MAP_CREATE: libc::c_int = 0;
        const TYPE_ARRAY: u32 = 2;
        const F_MMAPABLE: u32 = 1 << 10;
        #[repr(C)]
        struct Attributes {
            kind: u32,
            key_size: u32,
            value_size: u32,
            max_entries: u32,
            flags: u32,
        }
        let map = bpf(
            MAP_CREATE,
            &mut Attributes {
                kind: TYPE_ARRAY,
                key_size: 4,
                value_size: size_of::<[AtomicU64; N]>() as u32,
                max_entries: 1,
                flags: F_MMAPABLE,
            },
        )?;
        // SAFETY: a new mapping at an address of the kernel's choice; the map has this size, rounded up to pages.
        let address = unsafe {
            libc::mmap(
                null_mut(),
                size_of::<[AtomicU64; N]>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        match NonNull::new(address) {
            Some(address) if address.as_ptr() != libc::MAP_FAILED => Ok(Self {
                map,
                numbers: address.cast(),
            }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The numbers.
    pub(crate) fn get(&self) -> &[AtomicU64; N] {
        // SAFETY: mapped with this size, at the start of a page, until this is dropped; any bits are a number.
        unsafe { self.numbers.as_ref() }
    }
}

impl<const N: usize> Drop for SharedNumbers<N> {
    fn drop(&mut self) {
        // SAFETY: mapped with this size, and nothing refers to it any more.
        unsafe { libc::munmap(self.numbers.as_ptr().cast(), size_of::<[AtomicU64; N]>()) };
    }
}

/// Registers of a program. 0 has what a helper or the program returns, 6 to 9 outlive a call of a helper.
pub(crate) type Register = u8;

/// One instruction as the kernel reads it: operation, both registers in a byte, offset, immediate value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Instruction {
    operation: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// `offset` of a jump counts instructions from the one behind it; all compare unsigned.
impl Instruction {
    const fn new(operation: u8, to: Register, from: Register, offset: i16, immediate: i32) -> Self {
        // a bit field of two halves in C
        let registers = if cfg!(target_endian = "little") {
            from << 4 | to
        } else {
            to << 4 | from
        };
        Self {
            operation,
            registers,
            offset,
            immediate,
        }
    }

    /// `to` points to the numbers; two instructions.
    pub(crate) fn address<const N: usize>(to: Register, numbers: &SharedNumbers<N>) -> [Self; 2] {
        const MAP_VALUE: u8 = 2; // BPF_PSEUDO_MAP_VALUE
        [
            Self::new(0x18, to, MAP_VALUE, 0, numbers.map.as_raw_fd()),
            Self::new(0, 0, 0, 0, 0),
        ]
    }

    /// `to` becomes number `index` of those that `from` points to.
    pub(crate) const fn load(to: Register, from: Register, index: usize) -> Self {
        Self::new(0x79, to, from, (index * 8) as i16, 0)
    }

    /// Adds `from` to number `index` of those that `to` points to, atomically.
    pub(crate) const fn add(to: Register, index: usize, from: Register) -> Self {
        Self::new(0xdb, to, from, (index * 8) as i16, 0)
    }

    /// `to` becomes a value; a negative one is one of 64 bits.
    pub(crate) const fn set(to: Register, value: i32) -> Self {
        Self::new(0xb7, to, 0, 0, value)
    }

    pub(crate) const fn jump_if_less(left: Register, right: Register, offset: i16) -> Self {
        Self::new(0xad, left, right, offset, 0)
    }

    pub(crate) const fn jump_unless_less(left: Register, right: Register, offset: i16) -> Self {
        Self::new(0x3d, left, right, offset, 0)
    }

    /// Calls helper number `helper` of enum bpf_func_id.
    pub(crate) const fn call(helper: i32) -> Self {
        Self::new(0x85, 0, 0, 0, helper)
    }

    /// Returns register 0.
    pub(crate) const fn exit() -> Self {
        Self::new(0x95, 0, 0, 0, 0)
    }
}

/// Lets a program decide which messages the socket takes: it returns how many bytes of one to keep, 0 for none.
pub(crate) fn attach_filter(socket: BorrowedFd<'_>, name: &str, program: &[Instruction]) -> io::Result<()> {
    const PROG_LOAD: libc::c_int = 5;
    const TYPE_SOCKET_FILTER: u32 = 1;
    #[repr(C)]
    struct Attributes {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        /// Shown by bpftool; ends with a zero.
        name: [u8; 16],
    }
    let mut attributes = Attributes {
        kind: TYPE_SOCKET_FILTER,
        instruction_count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: [0; 16],
    };
    let length = name.len().min(attributes.name.len() - 1);
    attributes.name[..length].copy_from_slice(&name.as_bytes()[..length]);
    let program = bpf(PROG_LOAD, &mut attributes)?;
    let fd = program.as_raw_fd();
    const SO_ATTACH_BPF: libc::c_int = 50; // asm-generic/socket.h
    // SAFETY: the option is a descriptor, given with its size. The socket holds the program from now on.
    let attached = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_ATTACH_BPF,
            (&raw const fd).cast(),
            size_of_val(&fd) as libc::socklen_t,
        )
    };
    if attached == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The clock of bpf_ktime_get_ns.
pub(crate) fn monotonic_nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time has room for what is written. Linux always has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
