// SPDX-License-Identifier: MIT
// <windows.h> and what it brings: windef.h, winbase.h, winuser.h, wingdi.h, winerror.h, rpcndr.h,
// dlgs.h.
#define ERROR 0
#define NO_ERROR 0L
#define NOERROR 0
#define ERROR_SUCCESS 0L
#define S_OK 0L
#define S_FALSE 1L
#define small char
#define hyper __int64
#define interface struct
#define near
#define far
#define pascal __stdcall
#define cdecl
#define NEAR
#define FAR
#define PASCAL __stdcall
#define CALLBACK __stdcall
#define WINAPI __stdcall
#define APIENTRY WINAPI
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define BOOL int
#define BYTE unsigned char
#define TRUE 1
#define FALSE 0
#define STRICT 1
#define THIS void
#define THIS_
#define PURE = 0
#define STDMETHOD(method) virtual long method
#define DELETE (0x00010000L)
#define READ_CONTROL (0x00020000L)
#define SYNCHRONIZE (0x00100000L)
#define INFINITE 0xFFFFFFFF
#define IGNORE 0
#define MAX_PATH 260
#define ABSOLUTE 1
#define RELATIVE 2
#define OPAQUE 2
#define TRANSPARENT 1
#define ALTERNATE 1
#define WINDING 2
#define DIFFERENCE 11
#define PASSTHROUGH 19
#define DOMAIN 1
#define SING 2
#define OVERFLOW 3
#define UNDERFLOW 4
#define TLOSS 5
#define PLOSS 6
#define NULLREGION 1
#define SIMPLEREGION 2
#define COMPLEXREGION 3
#define EVENT_ALL_ACCESS 0x1F0003
#define STATUS_WAIT_0 0
#define STATUS_PENDING 0x103
#define TEXT(quote) quote
#define RGB(r, g, b) ((r) | (g) << 8 | (b) << 16)
#define LOWORD(l) ((l) & 0xffff)
#define HIWORD(l) ((l) >> 16 & 0xffff)
#define FIELD_OFFSET(type, field) offsetof(type, field)
#define IS_ERROR(status) ((status) < 0)
#define CopyMemory RtlCopyMemory
#define MoveMemory RtlMoveMemory
#define FillMemory RtlFillMemory
#define ZeroMemory RtlZeroMemory
#define SecureZeroMemory RtlSecureZeroMemory
#define Yield()
#define GetCurrentTime() GetTickCount()
#define GetFreeSpace(w) (0x100000L)
#define CreateFile CreateFileA
#define CreateFileMapping CreateFileMappingA
#define CreateEvent CreateEventA
#define CreateMutex CreateMutexA
#define CreateSemaphore CreateSemaphoreA
#define CreateProcess CreateProcessA
#define CreateDirectory CreateDirectoryA
#define CreateWindow(a, b) CreateWindowExA(0L, a, b)
#define OpenEvent OpenEventA
#define ReportEvent ReportEventA
#define DeleteFile DeleteFileA
#define CopyFile CopyFileA
#define MoveFile MoveFileA
#define ReplaceFile ReplaceFileA
#define FindText FindTextA
#define FindResource FindResourceA
#define UpdateResource UpdateResourceA
#define LoadImage LoadImageA
#define LoadLibrary LoadLibraryA
#define FormatMessage FormatMessageA
#define GetMessage GetMessageA
#define SendMessage SendMessageA
#define PostMessage PostMessageA
#define PeekMessage PeekMessageA
#define DispatchMessage DispatchMessageA
#define MessageBox MessageBoxA
#define DrawText DrawTextA
#define GetObject GetObjectA
#define GetClassName GetClassNameA
#define GetUserName GetUserNameA
#define GetComputerName GetComputerNameA
#define GetEnvironmentVariable GetEnvironmentVariableA
#define OutputDebugString OutputDebugStringA
#define IsMaximized(w) IsZoomed(w)
#define IsMinimized(w) IsIconic(w)
#define GetNextWindow(w, c) GetWindow(w, c)
#define rad1 0x0420
#define rad2 0x0421
#define chx1 0x0410
#define chx2 0x0411
#define psh1 0x0400
#define psh2 0x0401
#define grp1 0x0430
#define frm1 0x0434
#define ico1 0x043c
#define stc1 0x0440
#define lst1 0x0460
#define cmb1 0x0470
#define edt1 0x0480
#define scr1 0x0490
#define ctl1 0x04A0
// after the standard headers: they have functions of these names
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
