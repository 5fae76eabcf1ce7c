#include "go_asm.h"
#include "textflag.h"

// The lower half of each byte.
DATA halves<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL halves<>(SB), RODATA|NOPTR, $8

// func findStops(b []byte, n int, of *byteClasses, s *stops)
TEXT ·findStops(SB), NOSPLIT, $0-48
	MOVQ b_base+0(FP), SI
	MOVQ n+24(FP), CX
	MOVQ of+32(FP), DX
	MOVQ s+40(FP), DI
	VMOVDQU byteClasses_low(DX), Y0
	VMOVDQU byteClasses_high(DX), Y1
	VMOVDQU byteClasses_bits(DX), Y2
	VMOVDQU (byteClasses_bits+32)(DX), Y3
	VPBROADCASTQ halves<>(SB), Y4
	VPXOR Y5, Y5, Y5
	MOVQ stops_second(DI), R9
	MOVQ stops_first(DI), DI

next: // 32 bytes
	VMOVDQU (SI), Y6
	VPSRLW $4, Y6, Y7
	VPAND Y4, Y7, Y7
	VPSHUFB Y6, Y0, Y6 // 0 for a byte above ASCII, whose highest bit is set
	VPSHUFB Y7, Y1, Y7
	VPAND Y6, Y7, Y6
	VPAND Y2, Y6, Y7
	VPAND Y3, Y6, Y6
	VPCMPEQB Y5, Y7, Y7
	VPCMPEQB Y5, Y6, Y6
	VPMOVMSKB Y7, AX
	VPMOVMSKB Y6, BX
	MOVL AX, (DI)
	MOVL BX, (R9)
	ADDQ $32, SI
	ADDQ $4, DI
	ADDQ $4, R9
	SUBQ $32, CX
	JGT next
	VZEROUPPER
	RET
