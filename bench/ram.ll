; SPDX-License-Identifier: Apache-2.0
; bench/ram.c for a machine without a C compiler: the same loop, compiled by llvmlite.
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

define i64 @place(i64 %x) alwaysinline {
  %a = add i64 %x, -7046029254386353131
  %b = lshr i64 %a, 30
  %c = xor i64 %a, %b
  %d = mul i64 %c, -4658895280553007687
  %e = lshr i64 %d, 27
  %f = xor i64 %d, %e
  %g = mul i64 %f, -7723592293110705685
  %h = lshr i64 %g, 31
  %i = xor i64 %g, %h
  ret i64 %i
}

define void @touch(ptr %table, i64 %mask, i64 %seed, i64 %count) {
entry:
  %places = alloca [64 x i64]
  br label %batch

batch:
  %i = phi i64 [0, %entry], [%i.next, %done]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %ahead, label %end

ahead:
  %j = phi i64 [0, %batch], [%j.next, %ahead]
  %s = add i64 %seed, %i
  %x = add i64 %s, %j
  %p = call i64 @place(i64 %x)
  %at = and i64 %p, %mask
  %slot = getelementptr [64 x i64], ptr %places, i64 0, i64 %j
  store i64 %at, ptr %slot
  %word = getelementptr i64, ptr %table, i64 %at
  call void @llvm.prefetch.p0(ptr %word, i32 1, i32 0, i32 1)
  %j.next = add i64 %j, 1
  %j.more = icmp ult i64 %j.next, 64
  br i1 %j.more, label %ahead, label %touch

touch:
  %k = phi i64 [0, %ahead], [%k.next, %touch]
  %known = getelementptr [64 x i64], ptr %places, i64 0, i64 %k
  %where = load i64, ptr %known
  %cell = getelementptr i64, ptr %table, i64 %where
  %old = load i64, ptr %cell
  %new = add i64 %old, 1
  store i64 %new, ptr %cell
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, 64
  br i1 %k.more, label %touch, label %done

done:
  %i.next = add i64 %i, 64
  br label %batch

end:
  ret void
}
